"""The first sentence of an answer: what a gradient is, before anything explains it."""

from collections.abc import Sequence

from graphscope.analysis.evidence.wording import (
    begin,
    count,
    name_value,
    norm_of,
)
from graphscope.analysis.why.reading import State, Subject
from graphscope.model.observation import Observation, Stats
from graphscope.model.trace import Trace


def name_gradient(trace: Trace, subject: Subject) -> str:
    """Name a gradient in a sentence: `w.grad` of a leaf, else whose it is."""
    name = subject.value.name
    if subject.is_leaf and name:
        return f"`{name}.grad`"
    return f"the gradient of {name_value(trace, subject.value.id)}"


def describe_missing(name: str, step: int) -> str:
    """Say that a leaf has no gradient.

    >>> describe_missing("fc1.weight", 3)
    '`fc1.weight.grad` is None in step 3.'
    """
    return f"`{name}.grad` is None in step {step}."


def describe_subject(
    trace: Trace, subject: Subject, *, is_asked_as_grad: bool, is_plain: bool
) -> str:
    """Say in a sentence what a gradient is.

    Args:
        trace: The step.
        subject: Whose it is.
        is_asked_as_grad: Whether the question was about `h.grad`, not about `h`.
        is_plain: Whether nothing follows that may be wrong.
    """
    gradient, step = name_gradient(trace, subject), f"in step {trace.step}"
    name = name_value(trace, subject.value.id)
    if subject.state is State.MISSING:
        if subject.value.name and (subject.is_leaf or is_asked_as_grad):
            return describe_missing(subject.value.name, trace.step)
        return f"No gradient reached {name} {step}."
    if is_asked_as_grad and not subject.is_leaf:
        return (
            f"`{subject.value.name}` is no leaf, so torch keeps no `.grad` of it; the "
            f"gradient that arrived at it {step} is {_amount(subject.seen)}."
        )
    text = f"{begin(gradient)} is {_amount(subject.seen)} {step}"
    if subject.is_own_nonfinite and subject.state is not State.NONFINITE:
        return f"{text}, but {name} itself is {_own(trace, subject)}."
    if subject.state is State.USUAL and is_plain:
        return f"{text}, and nothing about it is suspicious."
    return f"{text}."


def _own(trace: Trace, subject: Subject) -> str:
    seen = trace.value_of(subject.value.id)
    if seen is None or seen.stats is None:
        return "not finite"
    if seen.scalar is not None:
        return norm_of(seen)
    return f"not finite: it has {_bad(seen.stats)}"


def _amount(seen: Observation | None) -> str:
    """Say what a gradient is: a number, its norm, that all of it is 0 or not finite."""
    stats = None if seen is None else seen.stats
    if stats is None:
        return "not known, because its numbers were not recorded"
    if not stats.is_finite:
        return (
            norm_of(seen) if stats.numel == 1 else f"not finite: it has {_bad(stats)}"
        )
    if stats.numel and stats.zeros == stats.numel:
        return "0" if stats.numel == 1 else f"0 in all of its {stats.numel:,} numbers"
    return norm_of(seen)


def _bad(stats: Stats) -> str:
    """Count what is not finite, of how many.

    >>> _bad(Stats(4, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 1, 2))
    '1 NaN and 2 Inf among its 4 numbers'
    """
    parts: Sequence[str] = [
        f"{number:,} {what}"
        for number, what in ((stats.nans, "NaN"), (stats.infs, "Inf"))
        if number
    ]
    return f"{' and '.join(parts)} among its {count(stats.numel, 'number')}"
