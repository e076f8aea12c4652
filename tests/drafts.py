"""The beginning of a step: what a recording has of it while it is still running."""

from collections.abc import Mapping
from dataclasses import replace

from graphscope.model.graph import Event, EventKind, GradNode, Graph, Role
from graphscope.model.trace import Status, Trace


def cut_short(trace: Trace, count: int, *, is_before: bool = False) -> Trace:
    """Return a step after `count` events, as an open one.

    With `is_before` the last event is an autograd node that has not run: there is the
    gradient that reached it, and not yet what it sends on.
    """
    graph = trace.graph
    events = graph.events[:count]
    if is_before:
        events = (*events[:-1], _before(graph, events[-1]))
    end = events[-1].slots[1] if events else 0
    seen = {slot.value for slot in graph.slots[:end]}
    last = max((v for v in seen if v is not None), default=-1)
    shorter = replace(
        _with_grad_nodes(graph, last),
        values=tuple(v for v in _with_grad_nodes(graph, last).values if v.id <= last),
        ops=tuple(op for op in graph.ops if graph.op_events[op.id] < count),
        events=tuple(_renumber(e, _numbers(graph, last)) for e in events),
        slots=tuple(
            replace(s, grad_node=_numbers(graph, last).get(s.grad_node or 0))
            if s.grad_node is not None
            else s
            for s in graph.slots[:end]
        ),
        roots=tuple(r for r in graph.roots if r <= last),
    )
    observations = tuple(trace.observations[i] for i in range(end))
    return replace(trace, graph=shorter, observations=observations, status=Status.OPEN)


def _before(graph: Graph, event: Event) -> Event:
    assert event.kind is EventKind.GRAD
    start, stop = event.slots
    known = start
    while known < stop and graph.slots[known].role is Role.GRAD_OUTPUT:
        known += 1
    return replace(event, slots=(start, known))


def _numbers(graph: Graph, last: int) -> Mapping[int, int]:
    """Number anew the autograd nodes of the values up to `last`."""
    kept = [
        n for n in graph.grad_nodes if all(v is None or v <= last for v in n.outputs)
    ]
    return {node.id: number for number, node in enumerate(kept)}


def _with_grad_nodes(graph: Graph, last: int) -> Graph:
    numbers = _numbers(graph, last)

    def renumber(node: GradNode) -> GradNode:
        edges = tuple(
            replace(edge, target=None if edge.target is None else numbers[edge.target])
            for edge in node.edges
        )
        return replace(node, id=numbers[node.id], edges=edges)

    return replace(
        graph,
        grad_nodes=tuple(renumber(n) for n in graph.grad_nodes if n.id in numbers),
        values=tuple(
            replace(v, grad_node=numbers.get(v.grad_node))
            if v.grad_node is not None
            else v
            for v in graph.values
        ),
        ops=tuple(
            replace(
                o, grad_nodes=tuple(numbers[n] for n in o.grad_nodes if n in numbers)
            )
            for o in graph.ops
        ),
    )


def _renumber(event: Event, numbers: Mapping[int, int]) -> Event:
    if event.grad_node is None:
        return event
    return replace(event, grad_node=numbers[event.grad_node])
