"""Which of the lecture's five numbered steps each event belongs to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from graphscope.capture.records import RawEvent, RawOp, RawValue
from graphscope.capture.steps import is_update
from graphscope.model.graph import EventKind, OpKind, Phase

Losses = set[tuple[object, ...]]

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
    losses, updating = places_of_losses(roots), _find_updating(events)
    tracker = PhaseTracker()
    return [tracker.next(event, losses, event.op in updating) for event in events]


def places_of_losses(roots: Iterable[RawValue]) -> Losses:
    """Return the statements that computed what backward started from."""
    return {_place(root.op) for root in roots if root.op is not None}


class PhaseTracker:
    """Follows the events of a step in their order."""

    def __init__(self) -> None:
        self._current = self._furthest = Phase.FORWARD
        self._pass_index = 0

    def next(self, event: RawEvent, losses: Losses, is_updating: bool) -> Phase:  # noqa: FBT001 - one fact of three
        """Return the phase of the next event.

        Args:
            event: It.
            losses: Where the losses of the step are computed, as far as is known.
            is_updating: Whether it changes a leaf by hand, or prepares that.
        """
        if event.pass_index != self._pass_index:
            self._current = self._furthest = Phase.FORWARD
            self._pass_index = event.pass_index
        phase = event.phase or _BY_KIND.get(event.kind)
        if phase is None and event.op is not None:
            is_loss = not is_updating and _place(event.op) in losses
            phase = Phase.LOSS if is_loss else Phase.FORWARD
            phase = Phase.UPDATE if is_updating else phase
            if phase <= Phase.LOSS and self._furthest >= Phase.BACKWARD:
                phase = phase if event.extends_graph else self._furthest
        self._current = phase or self._current
        self._furthest = max(self._furthest, self._current)
        return self._current


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
