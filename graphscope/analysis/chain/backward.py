"""Which events belong to the backward that started from a value, and what they hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphscope.model.graph import Event, EventKind, Graph, Phase, Role
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

_BACKWARD: Final = frozenset({EventKind.GRAD, EventKind.ACCUMULATE, EventKind.CAPTURE})


@dataclass(frozen=True)
class Backward:
    """One run of autograd's engine.

    Attributes:
        trace: The step.
        events: Grad node id -> the event in which it ran or received.
        slots: (role, grad node, edge position) -> the slot.
        arrivals: Value id -> the slot of the gradient that arrived.
    """

    trace: Trace
    events: dict[int, int]
    slots: dict[tuple[Role, int, int], int]
    arrivals: dict[int, int]

    def seen(self, role: Role, node: int, position: int) -> Observation | None:
        """Return what was seen in a slot of a grad node, None when nothing was."""
        slot = self.slots.get((role, node, position))
        return None if slot is None else self.trace.seen(slot)

    def jacobian(self, node: int, position: int) -> Array | None:
        """Return the local derivative along an edge, `[*output, *input]`, or None."""
        seen = self.seen(Role.LOCAL, node, position)
        return None if seen is None else seen.data

    def arrived(self, value: int) -> Observation | None:
        """Return the gradient that reached a value, None when none did."""
        slot = self.arrivals.get(value)
        return None if slot is None else self.trace.seen(slot)


def find_backwards(trace: Trace, root: int) -> Iterator[Backward]:
    """Yield the backwards that went through `root`, the last one first."""
    node = trace.graph.values[root].grad_node
    events = () if node is None else trace.graph.grad_events.get(node, ())
    if not events:
        return
    for run in reversed(_split_runs(trace)):
        if any(event in run for event in events):
            yield _read_run(trace, run)


def _split_runs(trace: Trace) -> list[list[int]]:
    """Return the events of each run of the engine, in order.

    A new run begins after something else than gradients happened, when a node runs
    again (the engine runs each once), and at a node that nobody sent a gradient to,
    unless gradients are still on their way: then the run has several roots.
    """
    graph = trace.graph
    runs: list[list[int]] = []
    run: list[int] = []
    ran: set[int] = set()
    sent: set[int] = set()
    for event in graph.events:
        if event.kind not in _BACKWARD:
            # a checkpoint, a hook or a function of the user's runs ops inside
            if event.kind is not EventKind.OP or event.phase is not Phase.BACKWARD:
                run, ran, sent = [], set(), set()
            continue
        node = event.grad_node
        if node is not None:
            is_root = node not in sent
            if node in ran or (is_root and not _are_pending(graph, sent - ran, event)):
                run, ran, sent = [], set(), set()
            ran.add(node)
            sent |= _targets_of(trace, event)
        if not run:
            runs.append(run)
        run.append(event.index)
    return runs


def _targets_of(trace: Trace, event: Event) -> set[int]:
    """Return the nodes that a node sent a gradient to in an event."""
    graph = trace.graph
    if event.grad_node is None:
        return set()
    edges = graph.grad_nodes[event.grad_node].edges
    found: set[int] = set()
    for index in range(*event.slots):
        slot = graph.slots[index]
        if slot.role is Role.EDGE and trace.seen(index) is not None:
            if slot.position >= len(edges):
                continue  # a node of an earlier step: where it leads is not known
            target = edges[slot.position].target
            found |= set() if target is None else {target}
    return found


def _are_pending(graph: Graph, nodes: set[int], event: Event) -> bool:
    """Whether one of the nodes that were sent a gradient has yet to run.

    One that never runs was not asked for (`autograd.grad` of other inputs).
    """
    return any(graph.grad_events.get(node, (-1,))[-1] > event.index for node in nodes)


def _read_run(trace: Trace, indices: list[int]) -> Backward:
    graph = trace.graph
    events: dict[int, int] = {}
    slots: dict[tuple[Role, int, int], int] = {}
    arrivals: dict[int, int] = {}
    for index in indices:
        event = graph.events[index]
        if event.grad_node is not None:
            events[event.grad_node] = index
        for place in range(*event.slots):
            slot = graph.slots[place]
            if slot.grad_node is not None:
                slots[slot.role, slot.grad_node, slot.position] = place
            if slot.role in (Role.ARRIVED, Role.GRAD_OUTPUT) and slot.value is not None:
                arrivals[slot.value] = place
    return Backward(trace, events, slots, arrivals)
