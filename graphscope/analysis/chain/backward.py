"""Which events belong to the backward that started from a value, and what they hold."""

from dataclasses import dataclass
from typing import Final

from graphscope.model.graph import EventKind, Graph, Phase, Role
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


def find_backward(trace: Trace, root: int) -> Backward | None:
    """Return the last backward that went through `root`, None when none did."""
    node = trace.graph.values[root].grad_node
    starts = () if node is None else trace.graph.grad_events.get(node, ())
    if not starts:
        return None
    return _read_run(trace, _events_from(trace.graph, starts[-1]))


def _events_from(graph: Graph, start: int) -> list[int]:
    """Return the events of the run that begins with `start`.

    A run is over when something else happens than gradients, or when a node runs
    again: the engine runs each once.
    """
    found: list[int] = []
    ran: set[int] = set()
    for event in graph.events[start:]:
        if event.kind not in _BACKWARD:
            if event.kind is EventKind.OP and event.phase is Phase.BACKWARD:
                continue  # a checkpoint, a hook or a function of the user's
            break
        if event.grad_node is not None:
            if event.grad_node in ran:
                break
            ran.add(event.grad_node)
        found.append(event.index)
    return found


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
