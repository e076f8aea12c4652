"""A gradient or an update that counts twice: the same backward, the same parameter."""

from collections.abc import Iterator
from functools import partial

from graphscope.analysis.evidence.facts import Check, Facts
from graphscope.analysis.evidence.reading import is_equal, is_zero
from graphscope.analysis.evidence.wording import (
    listing,
    name_and_place,
    name_value,
    where,
)
from graphscope.analysis.why.size.backwards import (
    Addition,
    accumulations,
    additions_to,
    update_events,
    zeroings,
)
from graphscope.analysis.why.size.wording import one
from graphscope.model.finding import Finding
from graphscope.model.graph import ValueKind
from graphscope.model.optimizers import OptimizerRun
from graphscope.model.trace import Trace

_TWICE = 2


def find_repeated_parameters(facts: Facts) -> Iterator[Check]:
    """Yield a check for each optimizer that holds a parameter more than once."""
    for run in facts.graph.optimizers:
        if any(held.times > 1 for held in run.parameters):
            yield partial(_tell_parameters, run)


def _tell_parameters(run: OptimizerRun, trace: Trace) -> Finding:
    held = [item for item in run.parameters if item.times > 1]
    names = [f"`{item.name}`" if item.name else "a parameter" for item in held]
    times = held[0].times
    event = trace.graph.events[run.event]
    often = {2: "twice", 3: "three times"}.get(times, f"{times} times")
    is_one = len(held) == 1
    return Finding(
        kind="repeated-parameter",
        title=f"{run.class_name} holds {listing(names)} {often}",
        explanation=(
            f"{run.class_name}{where(run.made_by)} was given {listing(names)} {often}, "
            f"so every step{where(event.site)} updates {'it' if is_one else 'them'} "
            f"{often} with the same gradient: {'it moves' if is_one else 'they move'} "
            f"{times} times as far as the others."
        ),
        remedy=(
            "Give each parameter to the optimizer once: `model.parameters()` has all "
            "of them already, those of its submodules too."
        ),
        step=trace.step,
        site=run.made_by or event.site,
        values=tuple(item.value for item in held if item.value is not None),
        numbers=tuple(
            (f"times that it holds {item.name or 'it'}", float(item.times))
            for item in held
        ),
    )


def find_repeated_backwards(facts: Facts) -> Iterator[Check]:
    """Yield a check where a loss may have sent its gradient twice before an update."""
    graph = facts.graph
    updates = update_events(graph)
    if not updates:
        return
    for root in graph.roots:
        value = graph.values[root]
        node = value.grad_node
        runs = () if node is None else graph.grad_events.get(node, ())
        is_scalar = value.shape in ((), (1,))
        if is_scalar and len(runs) > 1 and runs[1] < updates[-1]:
            yield partial(_judge_backwards, root, updates[-1])


def _judge_backwards(root: int, update: int, trace: Trace) -> Finding | None:
    leaves = [
        value.id
        for value in trace.graph.values
        if value.kind is ValueKind.PARAMETER
        and len(accumulations(trace.graph, value.id)) > 1
    ]
    for leaf in leaves:
        found = [a for a in additions_to(trace, leaf) if a.root == root]
        if len(found) >= _TWICE and _count_together(trace, leaf, found, update):
            return _tell_backwards(trace, root, leaf, found)
    return None


def _count_together(
    trace: Trace, leaf: int, found: list[Addition], update: int
) -> bool:
    """Whether the same gradient arrived twice and both were used."""
    first, second = found[0], found[1]
    zeroed = zeroings(trace.graph, leaf)
    is_kept = not any(first.event < event < update for event in zeroed)
    is_same = is_equal(first.arrived, second.arrived) and not is_zero(first.arrived)
    return is_kept and is_same and second.event < update


def _tell_backwards(
    trace: Trace, root: int, leaf: int, found: list[Addition]
) -> Finding:
    name, loss = name_value(trace, leaf), name_value(trace, root)
    first, second = found[0], found[1]
    often = "twice" if len(found) == _TWICE else f"{len(found)} times"
    return Finding(
        kind="repeated-backward",
        title=f"Backward of {loss} ran {often} before the update",
        explanation=(
            f"Backward of {name_and_place(trace, root)} ran{where(first.site)} and once"
            f" more{where(second.site)}. Each time the same gradient arrived at "
            f"{name}, {one(first.arrived)}, and nothing zeroed `.grad` in between: the "
            f"update uses {one(found[-1].after)}, {len(found)} times as much."
        ),
        remedy=(
            f"Call backward of {loss} once for each update, or zero the gradients in "
            "between."
        ),
        step=trace.step,
        site=second.site,
        values=(leaf, root),
        numbers=(("backwards of the same loss", float(len(found))),),
    )
