"""What the gradient of a value consists of: the answer for one value in one step."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from graphscope.analysis.evidence.facts import Check, Facts
from graphscope.analysis.evidence.reading import is_equal, is_zero
from graphscope.analysis.evidence.wording import (
    code_of,
    count,
    listing,
    name_and_place,
    name_value,
    norm_of,
    site_of,
    where,
)
from graphscope.analysis.traps.zeroing import find_zeroing_trap
from graphscope.analysis.why.size.backwards import Addition, additions_to
from graphscope.analysis.why.size.form import form_of
from graphscope.analysis.why.size.micro_batches import find_undivided_accumulation
from graphscope.analysis.why.size.parts import Parts, name_part, parts_of
from graphscope.analysis.why.size.repeated import (
    find_repeated_backwards,
    find_repeated_parameters,
)
from graphscope.analysis.why.size.wording import divided, of_size, of_sizes, one
from graphscope.analysis.why.vanishing.walk import flow_to
from graphscope.model.finding import Finding, PathStep
from graphscope.model.graph import Value
from graphscope.model.numbers import format_number
from graphscope.model.trace import Recording, Trace

Steps = Recording | Sequence[Trace]
_SHOWN: Final = 4
_ENOUGH: Final = 2
_OF_ONE: Final = "repeated-parameter"
"""The only fault that is about the parameters it names, and not about all."""


def explain_size(
    facts: Facts, trace: Trace, value: Value, steps: Steps | None = None
) -> Finding:
    """Say what the gradient of a value consists of.

    Args:
        facts: What is known of the step's graph.
        trace: The step.
        value: A value that a gradient arrived at in this step.
        steps: The steps of the recording, to say where an older gradient comes from.
    """
    additions = additions_to(trace, value.id)
    fault = _fault(facts, trace, value, steps)
    if not additions:
        return _of_no_leaf(trace, value)
    is_told = fault is not None and fault.kind != _OF_ONE
    history = [] if is_told else [_history(trace, value, additions, steps)]
    losses = dict.fromkeys(_losses(facts, trace, additions))
    parts = _parts(trace, value, additions[-1])
    told = " ".join([*history, *losses, *parts, *_tied(value)])
    shown = additions[-1].after or additions[-1].arrived
    finding = Finding(
        kind="size",
        title=f"The gradient of {name_value(trace, value.id)} is {norm_of(shown)}",
        explanation=told,
        remedy=_remedy(facts, trace, additions),
        step=trace.step,
        site=additions[-1].site,
        values=(value.id, *_roots(additions)),
        numbers=tuple(_numbers(additions)),
        paths=_path(trace, value, additions[-1]),
        unknown=tuple(_unknown(trace, value, additions, steps)),
    )
    return finding if fault is None else _with_fault(finding, fault)


def _with_fault(finding: Finding, fault: Finding) -> Finding:
    """Put what is wrong in front of what the gradient consists of."""
    return Finding(
        kind=fault.kind,
        title=fault.title,
        explanation=f"{fault.explanation} {finding.explanation}",
        remedy=fault.remedy,
        step=finding.step,
        site=fault.site,
        values=tuple(dict.fromkeys((*finding.values[:1], *fault.values))),
        ops=fault.ops,
        nodes=fault.nodes,
        numbers=(*fault.numbers, *finding.numbers),
        paths=finding.paths,
        unknown=finding.unknown,
    )


def _fault(
    facts: Facts, trace: Trace, value: Value, steps: Steps | None
) -> Finding | None:
    """Return what makes the gradient larger than it should be, if a check says so."""
    earlier = _step_before(trace, steps)
    if earlier is not None:
        found = find_zeroing_trap(earlier, trace)
        if found is not None and value.id in found.values:
            return found
    finders = (
        find_repeated_backwards,
        find_undivided_accumulation,
        find_repeated_parameters,
    )
    checks: Iterator[Check] = (check for find in finders for check in find(facts))
    for check in checks:
        found = check(trace)
        is_about = found is not None and (
            value.id in found.values or found.kind != _OF_ONE
        )
        if is_about:
            return found
    return None


def _step_before(trace: Trace, steps: Steps | None) -> Trace | None:
    if steps is None or trace.step == 0:
        return None
    for position in (trace.step - 1, *range(min(len(steps), _SHOWN))):
        if 0 <= position < len(steps) and steps[position].step == trace.step - 1:
            return steps[position]
    return None


def _roots(additions: Sequence[Addition]) -> tuple[int, ...]:
    found = (a.root for a in additions if a.root is not None)
    return tuple(dict.fromkeys(found))


def _remedy(facts: Facts, trace: Trace, additions: Sequence[Addition]) -> str:
    """Say what can be done about a sum over samples; of all else nothing."""
    for root in _roots(additions):
        form = form_of(facts, trace, root)
        if form is not None and form.is_sum:
            mean = "`.mean()`" if form.op.name == "sum" else "`reduction='mean'`"
            return f"Use {mean}{where(form.op.site)} if the mean was meant."
    return ""


def _history(
    trace: Trace, value: Value, additions: Sequence[Addition], steps: Steps | None
) -> str:
    """Say what was there before, what arrived, and what that adds up to."""
    name = name_and_place(trace, value.id)
    first, last = additions[0], additions[-1]
    is_fresh = first.before is None or is_zero(first.before)
    if len(additions) == 1:
        what = (
            f"one backward{where(first.site)} brought a gradient "
            f"{of_size(first.arrived)}"
        )
    else:
        lines = dict.fromkeys(where(a.site).strip(" ()") for a in additions if a.site)
        places = f" ({listing(list(lines))})" if lines else ""
        what = (
            f"{len(additions)} backwards{places} brought gradients "
            f"{of_sizes([a.arrived for a in additions])}"
        )
    if is_fresh:
        adds = "" if len(additions) == 1 else f", which add up to {one(last.after)}"
        empty = "None" if first.before is None else "0"
        return f"To {name}, whose `.grad` was {empty} before, {what}{adds}."
    return (
        f"To {name}, whose `.grad` still was {one(first.before)} before"
        f"{_whence(trace, value, first, steps)}, {what}: together it is "
        f"{one(last.after)}."
    )


def _whence(trace: Trace, value: Value, first: Addition, steps: Steps | None) -> str:
    """Say which step left a gradient behind."""
    before = _step_before(trace, steps)
    if before is None or not value.name:
        return ""
    for other in before.graph.names.get(value.name, ()):
        added = additions_to(before, other)
        if added and is_equal(added[-1].after, first.before):
            return f", from step {before.step}"
    return ""


def _losses(facts: Facts, trace: Trace, additions: Sequence[Addition]) -> Iterator[str]:
    """Say whether the losses are sums, and by what that makes them larger."""
    for root in _roots(additions)[:_SHOWN]:
        form = form_of(facts, trace, root)
        if form is None:
            continue
        loss = name_and_place(trace, root)
        if form.is_sum:
            arrived = next(a.arrived for a in additions if a.root == root)
            mean = divided(arrived, form.samples)
            yield (
                f"{loss} is the sum over {count(form.samples, 'sample')}, not their "
                f"mean: of the mean the gradient would be 1/{form.samples} of it{mean}."
            )
        elif form.reduction == "mean":
            scale = "" if form.scale == 1 else f", times {format_number(form.scale)}"
            yield f"{loss} is the mean over {count(form.count, 'number')}{scale}."


def _parts(trace: Trace, value: Value, last: Addition) -> Iterator[str]:
    """Say from which uses the gradient comes, if there are several."""
    if last.backward is None or last.root is None:
        return
    found = parts_of(last.backward, value.id, last.root)
    if found is None:
        return
    if found.paths == 1:
        yield "One path leads there."
        return
    if len(found.parts) >= _ENOUGH:
        yield _tell_parts(trace, value, found)


def _tell_parts(trace: Trace, value: Value, found: Parts) -> str:
    many = "Several paths lead" if not found.paths else f"{found.paths:,} paths lead"
    at = ""
    if found.value != value.id:
        at = f" of {name_and_place(trace, found.value)}, which is on all of them,"
    shown = [f"{one(part.seen)} from {name_part(trace, part)}" for part in found.parts]
    more = "" if len(shown) <= _SHOWN + 1 else f", {len(shown)} in all"
    return f"{many} there, and the gradient{at} adds up: {listing(shown)}{more}."


def _tied(value: Value) -> Iterator[str]:
    if value.also:
        names = listing([f"`{name}`" for name in value.also])
        yield f"It is one tensor, also called {names}, and all of its uses count."


def _numbers(additions: Sequence[Addition]) -> Iterator[tuple[str, float]]:
    first = additions[0].before
    if first is not None and first.stats is not None:
        yield "norm of .grad before", first.stats.l2
    for number, added in enumerate(additions, 1):
        if added.arrived is not None and added.arrived.stats is not None:
            yield f"norm that backward {number} brought", added.arrived.stats.l2
    last = additions[-1].after
    if last is not None and last.stats is not None:
        yield "norm of .grad after", last.stats.l2


def _path(
    trace: Trace, value: Value, last: Addition
) -> tuple[tuple[PathStep, ...], ...]:
    """Return one row for each contribution: where it comes from, its size."""
    if last.backward is None or last.root is None:
        return ()
    found = parts_of(last.backward, value.id, last.root)
    if found is None:
        return ()
    title = partial(_text, trace)
    ends = PathStep(title(value.id), site_of(trace, value.id), value.id)
    begin = PathStep(title(last.root), site_of(trace, last.root), last.root)
    rows = []
    for part in found.parts[:_SHOWN]:
        name = name_part(trace, part).rpartition(" (")[0]
        text = name.strip("`") if name.startswith("`") else name
        site = None if part.op is None else part.op.site
        op = None if part.op is None else part.op.id
        step = PathStep(text, site, None, op, f"brings {one(part.seen)}")
        rows.append((begin, step, ends))
    return tuple(rows)


def _text(trace: Trace, value: int) -> str:
    return code_of(trace, value) or name_value(trace, value)


def _unknown(
    trace: Trace, value: Value, additions: Sequence[Addition], steps: Steps | None
) -> Iterator[str]:
    first = additions[0].before
    if first is None or is_zero(first):
        return
    if _whence(trace, value, additions[0], steps):
        return
    yield (
        f"Cannot tell which backward left the gradient that was there before step "
        f"{trace.step} because the step before was not looked at."
    )


def _of_no_leaf(trace: Trace, value: Value) -> Finding:
    """Say what the gradient of a value that is no leaf consists of."""
    flow = flow_to(trace, value.id)
    arrived = trace.gradient_of(value.id)
    name = name_and_place(trace, value.id)
    text = f"No backward of step {trace.step} brought a gradient to {name}."
    if flow is not None and arrived is not None:
        text = f"To {name} a gradient {of_size(arrived)} came."
        for root in trace.graph.roots:
            found = parts_of(flow.backward, value.id, root)
            if found is not None and len(found.parts) >= _ENOUGH and found.paths:
                text += f" {_tell_parts(trace, value, found)}"
                break
    return Finding(
        kind="size",
        title=f"The gradient of {name_value(trace, value.id)} is {norm_of(arrived)}",
        explanation=text,
        remedy="",
        step=trace.step,
        site=site_of(trace, value.id),
        values=(value.id,),
    )
