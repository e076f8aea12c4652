"""What is known of a step at one of its events: the past, and not yet the future."""

from dataclasses import dataclass
from typing import Final

from graphscope.model.graph import Event, Graph, Role, Slot, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace

VALUES: Final = (Role.VALUE, Role.UPDATED)
ARRIVALS: Final = (Role.ARRIVED, Role.GRAD_OUTPUT)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one slot holds, and whether its event has happened.

    `axes` counts the axes of the slot's value: a local derivative has those of the
    op's output in front of them.
    """

    index: int
    slot: Slot
    seen: Observation | None
    is_known: bool
    axes: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A step, stopped while event `event` happens; what that event did is known."""

    trace: Trace
    event: int

    @property
    def graph(self) -> Graph:
        """The structure of the step."""
        return self.trace.graph

    @property
    def current(self) -> Event | None:
        """The event that is happening, None in a step without events."""
        events = self.graph.events
        return events[self.event] if 0 <= self.event < len(events) else None

    def has_happened(self, event: int | None) -> bool:
        """Whether `event` is in the past; None is what was there from the start."""
        return event is None or event <= self.event

    def is_made(self, value: int) -> bool:
        """Whether the value exists already."""
        return self.has_happened(made_at(self.graph, value))

    def readings(self, value: int, *roles: Role) -> tuple[Reading, ...]:
        """Return what was recorded about `value` in any of `roles`, in order."""
        graph = self.graph
        found = []
        for index in graph.value_slots.get(value, ()):
            slot = graph.slots[index]
            if slot.role in roles:
                found.append(self._read(index, slot))
        return tuple(found)

    def _read(self, index: int, slot: Slot) -> Reading:
        is_known = slot.event <= self.event or self._was_there_before(slot)
        axes = 0 if slot.value is None else len(self.graph.values[slot.value].shape)
        return Reading(index, slot, self.trace.seen(index), is_known, axes)

    def _was_there_before(self, slot: Slot) -> bool:
        if slot.role is not Role.VALUE or slot.value is None:
            return False
        is_leaf = self.graph.values[slot.value].op is None
        return is_leaf and self.is_made(slot.value)

    def latest(self, value: int, *roles: Role) -> Reading | None:
        """Return the last known reading, else the first that will be, else None."""
        readings = self.readings(value, *roles)
        known = [r for r in readings if r.is_known]
        return known[-1] if known else (readings[0] if readings else None)

    def readings_of_event(self, event: int) -> tuple[Reading, ...]:
        """Return everything that was recorded during `event`."""
        start, stop = self.graph.events[event].slots
        return tuple(self._read(i, self.graph.slots[i]) for i in range(start, stop))


def made_at(graph: Graph, value: int) -> int | None:
    """Return the event that made `value`, None for what was there from the start.

    Leaves are, with two exceptions: a `.grad` that the user's code reads is there
    from the moment of reading on, and what an optimizer made of a parameter from the
    update on.
    """
    found = graph.values[value]
    if found.op is not None:
        return graph.op_events.get(found.op)
    if found.previous is not None:
        update = update_of(graph, value)
        return _first_slot(graph, value) if update is None else update.index
    return _first_slot(graph, value) if found.kind is ValueKind.GRADIENT else None


def first_event(graph: Graph, value: int) -> int:
    """Return the event from which on `value` is there, -1 for from the start."""
    made = made_at(graph, value)
    return -1 if made is None else made


def update_of(graph: Graph, value: int) -> Event | None:
    """Return the optimizer's update that made `value`, None when none did."""
    found = graph.values[value]
    if found.op is not None or found.previous is None:
        return None
    for index in graph.value_slots.get(found.previous, ()):
        slot = graph.slots[index]
        if slot.role is Role.UPDATED:
            return graph.events[slot.event]
    return None


def _first_slot(graph: Graph, value: int) -> int | None:
    slots = graph.value_slots.get(value, ())
    return graph.slots[slots[0]].event if slots else len(graph.events)
