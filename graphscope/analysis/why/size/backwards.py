"""What was added to the `.grad` of a leaf in a step, by which backwards."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.analysis.chain.backward import Backward, find_backwards
from graphscope.model.graph import EventKind, Graph, OpKind, Role
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.model.trace import Trace


@dataclass(frozen=True)
class Addition:
    """One backward that added to the `.grad` of a leaf.

    Attributes:
        event: The accumulation.
        before: `.grad` before it, None when there was none.
        arrived: What arrived.
        after: `.grad` after it.
        site: The line that called backward.
        root: What backward started from, None when that is not known.
        backward: The backward, None likewise.
    """

    event: int
    before: Observation | None
    arrived: Observation | None
    after: Observation | None
    site: Site | None
    root: int | None = None
    backward: Backward | None = None


def additions_to(trace: Trace, leaf: int) -> Sequence[Addition]:
    """Return what was added to the `.grad` of a leaf, in order."""
    started = _starts(trace, leaf)
    return [
        _read(trace, leaf, event, started.get(event, (None, None)))
        for event in accumulations(trace.graph, leaf)
    ]


def accumulations(graph: Graph, leaf: int) -> list[int]:
    """Return the events in which something was added to the `.grad` of a leaf."""
    found = (graph.slots[slot].event for slot in graph.value_slots.get(leaf, ()))
    events = dict.fromkeys(found)
    return [e for e in events if graph.events[e].kind is EventKind.ACCUMULATE]


def _starts(trace: Trace, leaf: int) -> dict[int, tuple[int, Backward]]:
    """Return for each accumulation where its backward started."""
    graph = trace.graph
    node = graph.values[leaf].grad_node
    found: dict[int, tuple[int, Backward]] = {}
    if node is None:
        return found
    for root in graph.roots:
        top = graph.values[root].grad_node
        for backward in find_backwards(trace, root):
            event = backward.events.get(node)
            begin = min(backward.events.values(), default=-1)
            if event is not None and top is not None and backward.events[top] == begin:
                found[event] = root, backward
    return found


def _read(
    trace: Trace, leaf: int, event: int, started: tuple[int | None, Backward | None]
) -> Addition:
    graph = trace.graph
    seen = {
        graph.slots[slot].role: trace.seen(slot)
        for slot in range(*graph.events[event].slots)
        if graph.slots[slot].value == leaf
    }
    return Addition(
        event=event,
        before=seen.get(Role.BEFORE),
        arrived=seen.get(Role.ARRIVED),
        after=seen.get(Role.AFTER),
        site=graph.events[event].site,
        root=started[0],
        backward=started[1],
    )


def zeroings(graph: Graph, leaf: int) -> list[int]:
    """Return the events in which the `.grad` of a leaf was set to None or to 0."""
    return [
        event.index
        for event in graph.events
        if event.kind is EventKind.ZERO and leaf in event.values
    ]


def update_events(graph: Graph) -> list[int]:
    """Return the events of updates, by an optimizer or by hand."""
    return [
        event.index
        for event in graph.events
        if event.kind is EventKind.UPDATE
        or (event.op is not None and graph.ops[event.op].kind is OpKind.UPDATE)
    ]
