"""What an update did to the leaves of a step, and with which gradients.

Separate, because the traps over several steps (a learning rate that is too large,
gradients that were never zeroed) both follow the same leaves from step to step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.model.graph import EventKind, Graph, Op, OpKind, Role, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.model.trace import Trace


@dataclass(frozen=True, slots=True)
class UpdatedLeaf:
    """A leaf that a step updated.

    Attributes:
        name: Its name.
        value: Its id in the step.
        before: Its numbers at first.
        after: Its numbers after the update.
        used: `.grad` as the update used it.
        stored: `.grad` before the first accumulation of the step.
    """

    name: str
    value: int
    before: Observation | None
    after: Observation | None
    used: Observation | None
    stored: Observation | None


def updated_leaves(trace: Trace) -> dict[str, UpdatedLeaf]:
    """Return the leaves that a step updated, by name; those without a name not."""
    found: dict[str, UpdatedLeaf] = {}
    for value in trace.graph.values:
        is_first = value.kind is ValueKind.PARAMETER and value.previous is None
        if not is_first or value.name is None:
            continue
        after = trace.updated_to(value.id)
        if after is None:
            continue
        last = trace.accumulations(value.id, Role.AFTER)
        first = trace.accumulations(value.id, Role.BEFORE)
        used = trace.last_seen(value.id, Role.USED) or (last[-1] if last else None)
        found[value.name] = UpdatedLeaf(
            name=value.name,
            value=value.id,
            before=trace.value_of(value.id),
            after=after,
            used=used,
            stored=first[0] if first else None,
        )
    return found


def update_site(trace: Trace) -> Site | None:
    """Return the line of the step's update, the optimizer's or one by hand."""
    for event in trace.graph.events:
        op = None if event.op is None else trace.graph.ops[event.op]
        is_by_hand = op is not None and op.kind is OpKind.UPDATE
        if event.kind is EventKind.UPDATE or is_by_hand:
            return event.site
    return None


def learning_rate(trace: Trace) -> float | None:
    """Return the one learning rate of a step's updates, None without exactly one."""
    found = {
        seen.scalar
        for index, slot in enumerate(trace.graph.slots)
        if slot.role is Role.HYPER
        and slot.label.partition("[")[0] == "lr"
        and (seen := trace.seen(index)) is not None
    }
    if not found:
        found = _by_hand(trace)
    number = found.pop() if len(found) == 1 else None
    return None if number is None or isinstance(number, complex) else float(number)


def _by_hand(trace: Trace) -> set[float | complex | None]:
    """Return the numbers that gradients were multiplied by before an update."""
    seen = (trace.value_of(number) for number in rate_constants(trace.graph))
    return {None if number is None else number.scalar for number in seen}


def rate_constants(graph: Graph) -> tuple[int, ...]:
    """Return the constants that gradients are multiplied by before an update."""
    values = graph.values
    found = []
    for op in graph.ops:
        kinds = {values[v].kind for v in op.inputs}
        if op.name != "mul" or not _prepares_update(graph, op):
            continue
        if kinds == {ValueKind.CONSTANT, ValueKind.GRADIENT}:
            found += [v for v in op.inputs if values[v].kind is ValueKind.CONSTANT]
    return tuple(found)


def _prepares_update(graph: Graph, op: Op) -> bool:
    readers: Sequence[int] = graph.consumers.get(op.outputs[0], ())
    return any(graph.ops[r].kind is OpKind.UPDATE for r in readers)
