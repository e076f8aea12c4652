"""The invariants of a graph, checked in one place.

Used by the tests after every transform and by the reader of recordings, which must
not trust a stranger's file.
"""

from collections.abc import Iterator, Sequence

from graphscope.errors import RecordingError
from graphscope.model.graph import Graph


def find_violations(graph: Graph) -> Iterator[str]:
    """Yield one sentence for each broken invariant."""
    yield from _check_positions("value", [v.id for v in graph.values])
    yield from _check_positions("op", [o.id for o in graph.ops])
    yield from _check_positions("grad node", [n.id for n in graph.grad_nodes])
    yield from _check_positions("event", [e.index for e in graph.events])
    yield from _check_references(graph)
    yield from _check_slots(graph)


def _check_positions(noun: str, ids: Sequence[int]) -> Iterator[str]:
    for position, found in enumerate(ids):
        if found != position:
            yield f"{noun} at position {position} has id {found}"


def _check_references(graph: Graph) -> Iterator[str]:
    values, ops, nodes = len(graph.values), len(graph.ops), len(graph.grad_nodes)
    for value in graph.values:
        where = f"value {value.id}"
        yield from _in_range(where, "op", [value.op], ops)
        yield from _in_range(where, "value", [value.previous, value.owner], values)
        yield from _in_range(where, "grad node", [value.grad_node], nodes)
    for op in graph.ops:
        where = f"op {op.id}"
        yield from _in_range(where, "value", [*op.inputs, *op.outputs], values)
        yield from _in_range(where, "grad node", op.grad_nodes, nodes)
    for node in graph.grad_nodes:
        where = f"grad node {node.id}"
        yield from _in_range(where, "op", [node.op], ops)
        yield from _in_range(where, "value", [*node.outputs, node.leaf], values)
        targets = [edge.target for edge in node.edges]
        yield from _in_range(where, "grad node", targets, nodes)
        yield from _in_range(where, "value", [e.value for e in node.edges], values)
    for event in graph.events:
        where = f"event {event.index}"
        yield from _in_range(where, "op", [event.op], ops)
        yield from _in_range(where, "grad node", [event.grad_node], nodes)
        yield from _in_range(where, "value", event.values, values)
    yield from _in_range("roots", "value", graph.roots, values)
    for gap in graph.gaps:
        yield from _in_range("gap", "event", [gap.event], len(graph.events))
    yield from _check_calls(graph)


def _check_calls(graph: Graph) -> Iterator[str]:
    """A call stands behind the one that it was made in: so no call contains itself."""
    for position, call in enumerate(graph.calls):
        where = f"call {position}"
        yield from _in_range(where, "earlier call", [call.parent], position)
        count = len(graph.parameters)
        yield from _in_range(where, "parameter", call.parameters, count)
    for position, run in enumerate(graph.optimizers):
        where = f"optimizer run {position}"
        yield from _in_range(where, "event", [run.event], len(graph.events))
        held = [parameter.value for parameter in run.parameters]
        yield from _in_range(where, "value", held, len(graph.values))


def _in_range(
    where: str, noun: str, ids: Sequence[int | None], count: int
) -> Iterator[str]:
    for found in ids:
        if found is not None and not 0 <= found < count:
            yield f"{where} refers to {noun} {found}, but there are {count}"


def _check_slots(graph: Graph) -> Iterator[str]:
    expected = 0
    for event in graph.events:
        start, stop = event.slots
        if start != expected or stop < start:
            yield f"event {event.index} has slots {start}:{stop}, expected {expected}:"
        expected = stop
    if expected != len(graph.slots):
        yield f"events cover {expected} slots of {len(graph.slots)}"
    for index, slot in enumerate(graph.slots):
        where = f"slot {index}"
        yield from _in_range(where, "event", [slot.event], len(graph.events))
        yield from _in_range(where, "value", [slot.value], len(graph.values))
        yield from _in_range(
            where, "grad node", [slot.grad_node], len(graph.grad_nodes)
        )


def check_graph(graph: Graph) -> None:
    """Raise when an invariant is broken.

    Raises:
        RecordingError: With the first violation.
    """
    for violation in find_violations(graph):
        raise RecordingError(f"The graph is not consistent: {violation}.")
