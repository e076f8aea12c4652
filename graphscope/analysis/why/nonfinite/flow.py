"""How NaN and Inf flow through one step: where each was born, what it came from.

Pure bookkeeping over the slots that hold one: a number that is not finite comes from
such numbers that went into it, or it was born where none did. Why it was born is asked
elsewhere, and only for the one that matters.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.reading import count_nans
from graphscope.analysis.why.nonfinite.sources import WRITERS, Places, sources_of
from graphscope.model.graph import Graph, OpKind, Role, Slot, ValueKind
from graphscope.model.packed import nonfinite_slots
from graphscope.model.trace import Trace

_LATE: Final = (Role.UPDATED, Role.EDGE)
"""Roles of what an event makes, as opposed to what it was given."""


class Cause(Enum):
    """How a number that is not finite came into the step."""

    COMPUTED = auto()  # an op made it of finite numbers
    SENT = auto()  # a grad node made it of finite numbers
    SUMMED = auto()  # finite gradients were added up to it
    UPDATED = auto()  # an update made it of finite numbers
    GIVEN = auto()  # it was there before, or was written down as it is
    SEEDED = auto()  # backward was given it as the gradient to start from
    HOOKED = auto()  # a hook of the user's made it of a finite gradient


@dataclass(frozen=True, slots=True)
class Birth:
    """The first of a line of numbers that are not finite.

    Attributes:
        slot: Where it was seen.
        cause: How it came.
        op: The op that made it, or whose grad node did.
        node: The grad node that made it.
        value: The value that it is a number, or a gradient, of.
        given: Slots of an Inf that was put there on purpose and that it was made of.
        is_mask: Whether it is an Inf that somebody put there on purpose.
    """

    slot: int
    cause: Cause
    op: int | None = None
    node: int | None = None
    value: int | None = None
    given: tuple[int, ...] = ()
    is_mask: bool = False


@dataclass(frozen=True)
class Flow:
    """The numbers of a step that are not finite.

    Attributes:
        births: By slot, in order of time.
        before: Slot -> the slots that it came from, empty for a birth.
        origins: Slot -> the births that it goes back to.
    """

    births: Mapping[int, Birth]
    before: Mapping[int, tuple[int, ...]]
    origins: Mapping[int, frozenset[int]]

    @cached_property
    def after(self) -> Mapping[int, tuple[int, ...]]:
        """Slot -> the slots that came from it."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for slot, sources in self.before.items():
            for source in sources:
                found[source].append(slot)
        return {slot: tuple(later) for slot, later in found.items()}


def trace_flow(places: Places, trace: Trace) -> Flow:
    """Follow every number of a step that is not finite to where it was born."""
    births: dict[int, Birth] = {}
    before: dict[int, tuple[int, ...]] = {}
    origins: dict[int, frozenset[int]] = {}
    bad: set[int] = set()
    for slot in _in_order(places, trace):
        sources = tuple(sources_of(places, trace, slot, bad))
        known = {birth for source in sources for birth in origins[source]}
        converts = _converts(trace, slot, sources, [births[b] for b in known])
        if not sources or converts:
            births[slot] = _birth(trace, slot, sources)
            known = {slot}
        bad.add(slot)
        before[slot] = sources
        origins[slot] = frozenset(known)
    return Flow(births, before, origins)


def _in_order(places: Places, trace: Trace) -> list[int]:
    """Return the bad slots, causes first: what an update used before what it made."""
    slots = trace.graph.slots
    found = [
        slot
        for slot in nonfinite_slots(trace.observations)
        if slots[slot].role not in (Role.LOCAL, Role.HYPER)
    ]
    return sorted(
        found, key=lambda s: (places.last_event(s), slots[s].role in _LATE, s)
    )


def is_purposeful(birth: Birth) -> bool:
    """Whether a birth is one that somebody wrote down."""
    return birth.cause is Cause.GIVEN


def _converts(
    trace: Trace, slot: int, sources: Sequence[int], known: Sequence[Birth]
) -> bool:
    """Whether NaN was made here of nothing but an Inf that was put there on purpose."""
    if not sources or not all(birth.is_mask for birth in known):
        return False
    had_nan = any(count_nans(trace.seen(source)) for source in sources)
    return not had_nan and count_nans(trace.seen(slot)) > 0


def _birth(trace: Trace, slot: int, sources: tuple[int, ...]) -> Birth:
    graph = trace.graph
    found = graph.slots[slot]
    node = None if found.grad_node is None else graph.grad_nodes[found.grad_node]
    match found.role:
        case Role.VALUE if found.value is not None:
            op = graph.values[found.value].op
            cause = _cause_of_value(graph, found.value, is_made=bool(sources))
            is_mask = cause is Cause.GIVEN and _is_mask(trace, slot, found.value)
            return Birth(slot, cause, op, None, found.value, sources, is_mask)
        case Role.EDGE if node is not None:
            return Birth(slot, Cause.SENT, node.op, node.id, found.value, sources)
        case Role.GRAD_OUTPUT if node is not None:
            cause = _cause_of_arrival(graph, found)
            return Birth(slot, cause, node.op, node.id, found.value, sources)
        case Role.UPDATED:
            return Birth(slot, Cause.UPDATED, value=found.value, given=sources)
        case Role.ARRIVED | Role.AFTER | Role.USED:
            return Birth(slot, Cause.SUMMED, value=found.value, given=sources)
    return Birth(slot, Cause.GIVEN, value=found.value, given=sources)


def _cause_of_arrival(graph: Graph, slot: Slot) -> Cause:
    if slot.label:
        return Cause.HOOKED
    return Cause.SEEDED if slot.value in graph.roots else Cause.SUMMED


def _is_mask(trace: Trace, slot: int, value: int) -> bool:
    """Whether Inf seems to be meant: it was written as such, or is nothing but −∞."""
    seen, record = trace.seen(slot), trace.graph.values[value]
    if seen is None or count_nans(seen):
        return False
    if record.kind is ValueKind.CONSTANT:
        return True
    op = None if record.op is None else trace.graph.ops[record.op]
    is_written = (
        op is not None and op.kind is not OpKind.CREATE and plain_name(op) in WRITERS
    )
    if seen.data is None or is_written:
        return is_written
    return not np.isposinf(np.real(seen.data)).any()


def _cause_of_value(graph: Graph, value: int, *, is_made: bool) -> Cause:
    op = graph.values[value].op
    if op is None:
        return Cause.GIVEN
    made_by = graph.ops[op]
    is_written = made_by.kind is OpKind.CREATE or plain_name(made_by) in WRITERS
    return Cause.GIVEN if is_written and not is_made else Cause.COMPUTED
