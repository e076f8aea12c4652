"""The question `why`, for any name: the explanation that fits what was seen.

Separate from the explanations, each of which answers for one state of a gradient: it
is missing, 0, not finite, or a number like any other.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import count
from graphscope.analysis.findings.finder import UNFIT, quiet
from graphscope.analysis.findings.kinds import KINDS
from graphscope.analysis.why.answer import Answer
from graphscope.analysis.why.errors import explain_error
from graphscope.analysis.why.missing import explain_missing, summarize_missing
from graphscope.analysis.why.missing.explain import (
    KIND as NONE_GRAD,
    reason_of,
    to_finding,
)
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.seen import parameter_names
from graphscope.analysis.why.nonfinite.explain import explain_nonfinite
from graphscope.analysis.why.reading import (
    State,
    Subject,
    read_subject,
    unknown_name,
)
from graphscope.analysis.why.size.explain import explain_size
from graphscope.analysis.why.updates.answer import explain_update
from graphscope.analysis.why.vanishing import explain_flow, explain_zero
from graphscope.analysis.why.verdict import describe_missing, describe_subject
from graphscope.errors import UnknownNameError
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Trace

Steps = Recording | Sequence[Trace]
Found = Finding | Sequence[Finding] | None

_GRAD: Final = ".grad"
_OF_RUNS: Final = frozenset(
    {NONE_GRAD, "zero-grad", "vanishing-grad", "exploding-grad", "not-updated"}
    | {"zero-lr", "tiny-update", "huge-update", "frozen-update", "clipped-to-nothing"}
    | {"nan", "inf", "fp16-overflow"}
)
"""What may be right in one step: only the run shows whether it is a fault."""
_GRADIENT_KINDS: Final = frozenset({NONE_GRAD, "zero-grad", "not-updated"})
"""What an update says that is told of the gradient already, or that is no fault."""


def answer(
    facts: Facts,
    trace: Trace,
    name: str,
    steps: Steps | None = None,
    *,
    known: Sequence[Finding] = (),
    kinds: Collection[str] = (),
) -> Answer:
    """Answer why something is what it is in a step.

    Args:
        facts: Of the step's graph.
        trace: The step.
        name: A name of the user's code, such as `w`, `w.grad` or `fc1.weight.grad`.
        steps: The steps of the recording, for what shows over several.
        known: What was found in this step of the recording and is about it.
        kinds: Kinds of what was found about it in any step.

    Raises:
        UnknownNameError: The step has nothing of that name; lists the nearest three.
    """
    names = trace.graph.names
    asked = name.removesuffix(_GRAD)
    asking = _Asking(name, asked != name, tuple(known), frozenset(kinds))
    for text in (asked, name):  # a gradient may have a name and its leaf none
        if text in names:
            return _answer(facts, trace, trace.resolve(text).id, steps, asking)
    try:
        found = explain_missing(facts, trace, asked)
    except UnknownNameError:
        raise unknown_name(trace, asked) from None
    return Answer(
        question=name,
        verdict=describe_missing(asked, trace.step),
        findings=tuple(_once([found, *known])),
        step=trace.step,
        is_suspicious=_is_suspicious([found], asking),
    )


def answer_model(facts: Facts, trace: Trace) -> Answer:
    """Answer which parameters of a step got no gradient, and why.

    Args:
        facts: Of the step's graph.
        trace: The step.
    """
    found = tuple(_ask(partial(summarize_missing, facts, trace)))
    total = count(len(parameter_names(trace.graph)), "parameter")
    if found:
        missing = int(found[0].numbers[0][1])
        verdict = f"{missing:,} of {total} got no gradient in step {trace.step}."
    elif trace.graph.roots and not total.startswith("0"):
        verdict = f"Every one of {total} got a gradient in step {trace.step}."
    elif trace.graph.roots:
        verdict = f"Step {trace.step} has no parameter."
    else:
        verdict = f"No backward ran in step {trace.step}."
    return Answer(
        question="",
        verdict=verdict,
        findings=found,
        step=trace.step,
        is_suspicious=False,
        is_usual=not found,
    )


def answer_value(
    facts: Facts,
    trace: Trace,
    value: int,
    steps: Steps | None = None,
    *,
    known: Sequence[Finding] = (),
) -> Answer:
    """Answer why the gradient of a value is what it is; the value may have no name.

    Args:
        facts: Of the step's graph.
        trace: The step.
        value: Id of the value.
        steps: The steps of the recording, for what shows over several.
        known: What was found in this step of the recording and is about it.
    """
    asking = _Asking(trace.title_of(value), is_grad=False, known=tuple(known))
    return _answer(facts, trace, value, steps, asking)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A question.

    Attributes:
        text: Its words.
        is_grad: Whether it is about `h.grad`, not about `h`.
        known: What was found about it in this step.
        kinds: The kinds of what was found about it in any step.
    """

    text: str
    is_grad: bool
    known: tuple[Finding, ...] = ()
    kinds: frozenset[str] = frozenset()


def _answer(
    facts: Facts, trace: Trace, value: int, steps: Steps | None, asking: _Asking
) -> Answer:
    with quiet():
        subject = read_subject(trace, trace.graph.values[value])
        explained = [*_explain(facts, trace, subject, steps)]
    found = list(_once([*explained, *asking.known]))
    found.sort(key=lambda finding: finding.kind not in KINDS)  # the others are comfort
    return Answer(
        question=asking.text,
        verdict=describe_subject(
            trace,
            subject,
            is_asked_as_grad=asking.is_grad,
            is_plain=all(finding.kind not in KINDS for finding in found),
        ),
        findings=tuple(found),
        step=trace.step,
        value=subject.value.id,
        is_suspicious=_is_suspicious(found, asking),
        has_gradient=subject.state is not State.MISSING,
        is_usual=subject.state is State.USUAL,
    )


def _explain(
    facts: Facts, trace: Trace, subject: Subject, steps: Steps | None
) -> Iterator[Finding]:
    """Yield what explains a gradient, what is wrong before what is good to know."""
    value, over = subject.value, (facts, trace, subject.value, steps)
    match subject.state:
        case State.MISSING:
            yield _explain_missing(facts, trace, subject)
            yield from _ask(partial(explain_error, facts, trace))
        case State.ZERO:
            yield from _ask(partial(explain_zero, facts, trace, value))
        case State.USUAL:
            yield from _ask(partial(explain_size, *over))
            if value.id not in trace.graph.roots:
                yield from _ask(partial(explain_flow, *over))
    if subject.state is State.NONFINITE or subject.is_own_nonfinite:
        yield from _ask(partial(explain_nonfinite, *over))
    if subject.is_leaf and subject.state is not State.MISSING and value.name:
        update = _ask(partial(explain_update, facts, trace, value.name))
        yield from (found for found in update if found.kind not in _GRADIENT_KINDS)


def _explain_missing(facts: Facts, trace: Trace, subject: Subject) -> Finding:
    reason = reason_of(Look(trace, facts), subject.value)
    return to_finding(trace, reason, [trace.title_of(subject.value.id)])


def _ask(explain: Callable[[], Found]) -> Sequence[Finding]:
    """Return what an explanation finds; nothing of numbers that do not fit."""
    try:
        found = explain()
    except UNFIT:
        return ()
    if found is None:
        return ()
    return (found,) if isinstance(found, Finding) else tuple(found)


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out what blames a line that is blamed already, for several parameters."""
    told: set[object] = set()
    for finding in findings:
        site = finding.site
        place = finding.title if site is None else (site.file, site.line)
        key = finding.kind, place
        if key not in told:
            told.add(key)
            yield finding


def _is_suspicious(found: Sequence[Finding], asking: _Asking) -> bool:
    """Whether what explains a gradient is a fault.

    What can be right in one step is one only if the run says so.
    """
    faults = (KINDS.keys() - _OF_RUNS) | asking.kinds
    return bool(asking.known) or any(finding.kind in faults for finding in found)
