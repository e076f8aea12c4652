"""Which numbers that are not finite do harm: a loss, a gradient, a parameter.

An Inf on purpose, as in an attention mask, reaches none of them. Nor does one in a step
that a GradScaler skips: it looks for exactly these, and takes a smaller scale.
"""

from collections.abc import Iterator
from functools import cached_property
from math import prod
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.reading import scalar_of
from graphscope.model.graph import EventKind, Graph, OpKind, Role, ValueKind
from graphscope.model.packed import nonfinite_slots
from graphscope.model.trace import Status, Trace

SCALE_UPDATE: Final = "_amp_update_scale_"


class HarmfulSlots:
    """The slots of a graph in which NaN does harm, and those of what it began with."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.graph: Graph = facts.graph

    @cached_property
    def ends(self) -> frozenset[int]:
        """Slots of the losses; of a step without backward those of loss functions."""
        values, slots = self.graph.values, self.graph.slots
        losses = [o.output for o in self._facts.losses if o.output is not None]
        ends = self.graph.roots or tuple(
            v for v in losses if prod(values[v].shape) == 1
        )
        return frozenset(
            slot
            for value in ends
            for slot in self.graph.value_slots.get(value, ())
            if slots[slot].role is Role.VALUE
        )

    @cached_property
    def gradients(self) -> frozenset[int]:
        """Slots of gradients as they arrived at leaves."""
        return frozenset(
            i for i, slot in enumerate(self.graph.slots) if slot.role is Role.ARRIVED
        )

    @cached_property
    def updates(self) -> frozenset[int]:
        """Slots of what updates made of parameters."""
        graph = self.graph
        by_hand = {
            value
            for op in graph.ops
            if op.kind is OpKind.UPDATE
            for value in op.outputs
            if graph.values[value].kind is ValueKind.PARAMETER
        }
        return frozenset(
            index
            for index, slot in enumerate(graph.slots)
            if slot.role is Role.UPDATED
            or (slot.role is Role.VALUE and slot.value in by_hand)
        )

    @cached_property
    def all(self) -> frozenset[int]:
        """All of them."""
        return self.ends | self.gradients | self.updates

    @cached_property
    def beginnings(self) -> frozenset[int]:
        """Slots of the parameters and `.grad` that a step began with."""
        graph = self.graph
        found = set()
        for value in graph.values:
            is_old = value.op is None and value.previous is None
            if value.kind is not ValueKind.PARAMETER or not is_old:
                continue
            own = graph.value_slots.get(value.id, ())
            for role in (Role.VALUE, Role.BEFORE):
                first = next((s for s in own if graph.slots[s].role is role), None)
                if first is not None:
                    found.add(first)
        return frozenset(found)

    @cached_property
    def scale_updates(self) -> tuple[int, ...]:
        """Ids of the ops in which a GradScaler chose its scale."""
        return tuple(o.id for o in self.graph.ops if o.name == SCALE_UPDATE)

    def find(self, trace: Trace) -> list[int]:
        """Return the slots of a step in which NaN or Inf does harm."""
        bad = nonfinite_slots(trace.observations)
        if not bad or self.all.isdisjoint(bad):
            return []
        skipped = list(self.skipped(trace)) if self.scale_updates else []
        events = trace.graph.slots
        return [
            slot
            for slot in bad
            if slot in self.all
            and not any(a <= events[slot].event < b for a, b in skipped)
        ]

    def skipped(self, trace: Trace) -> Iterator[tuple[int, int]]:
        """Yield first event, and one past the last, of what a GradScaler skipped."""
        graph = trace.graph
        begin = 0
        for op in self.scale_updates:
            end = graph.op_events.get(op, len(graph.events) - 1) + 1
            if self._has_fallen(trace, op) and not self._has_update(begin, end):
                yield begin, end
            begin = end
        if trace.status is not Status.COMPLETE and begin < len(graph.events):
            yield begin, len(graph.events)  # nobody knows yet what it will do

    def _has_fallen(self, trace: Trace, op: int) -> bool:
        found = self.graph.ops[op]
        if not found.inputs or not found.outputs:
            return False
        before = scalar_of(trace, found.inputs[0])
        after = scalar_of(trace, found.outputs[0])
        return before is not None and after is not None and after < before

    def _has_update(self, begin: int, end: int) -> bool:
        events = self.graph.events[begin:end]
        return any(event.kind is EventKind.UPDATE for event in events)
