"""Which of the lecture's five numbered steps each event belongs to."""

from collections import defaultdict
from collections.abc import Sequence

from graphscope.capture.records import RawEvent, RawOp, RawValue
from graphscope.capture.steps import is_update
from graphscope.model.graph import EventKind, OpKind, Phase

_BY_KIND = {
    EventKind.GRAD: Phase.BACKWARD,
    EventKind.ACCUMULATE: Phase.BACKWARD,
    EventKind.CAPTURE: Phase.BACKWARD,
    EventKind.ZERO: Phase.ZERO,
    EventKind.UPDATE: Phase.UPDATE,
}


def assign_phases(events: Sequence[RawEvent], roots: Sequence[RawValue]) -> list[Phase]:
    """Return one phase for each event.

    An op is *loss* when it is in the same statement and module scope as the op that
    made a root of backward, *update* when it changes a leaf or prepares that change,
    and otherwise *forward*; after backward, what builds no graph belongs to the phase
    that the pass had reached.
    """
    losses = {_place(root.op) for root in roots if root.op is not None}
    updating = _find_updating(events)
    phases: list[Phase] = []
    current = furthest = Phase.FORWARD
    pass_index = 0
    for event in events:
        if event.pass_index != pass_index:
            current = furthest = Phase.FORWARD
            pass_index = event.pass_index
        phase = event.phase or _BY_KIND.get(event.kind)
        if phase is None and event.op is not None:
            phase = _phase_of(event, losses, updating)
            if phase <= Phase.LOSS and furthest >= Phase.BACKWARD:
                phase = phase if event.extends_graph else furthest
        current = phase or current
        furthest = max(furthest, current)
        phases.append(current)
    return phases


def _phase_of(
    event: RawEvent, losses: set[tuple[object, ...]], updating: set[RawOp]
) -> Phase:
    op = event.op
    if op is None or op in updating:
        return Phase.UPDATE
    return Phase.LOSS if _place(op) in losses else Phase.FORWARD


def _place(op: RawOp) -> tuple[object, ...]:
    return (op.statement or id(op), op.scope)


def _find_updating(events: Sequence[RawEvent]) -> set[RawOp]:
    """Find the ops that change leaves by hand, and those that only prepare that."""
    found = {e.op for e in events if e.op is not None and is_update(e)}
    if not found:
        return found
    users: defaultdict[RawValue, list[RawOp]] = defaultdict(list)
    for event in events:
        for _, value, _ in event.op.arguments if event.op is not None else ():
            if value is not None and event.op is not None:
                users[value].append(event.op)
    for event in reversed(events):
        op = event.op
        is_backward = event.phase is Phase.BACKWARD
        if op is None or op in found or op.kind is OpKind.CREATE or is_backward:
            continue
        readers = [user for value in op.outputs for user in users[value]]
        if readers and all(reader in found for reader in readers):
            found.add(op)
    return found
