"""What sets gradients to None or to zero: one event for each call that does.

Separate from `updates`, which writes down what optimizers make of parameters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from graphscope.capture.frames import FrameWalker
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.memory import address_of
from graphscope.capture.reader import ABSENT, UNREAD, Reading
from graphscope.capture.recipes import chain_of, is_same_chain, user_chain_start
from graphscope.capture.records import RawEvent, RawSlot, RawValue
from graphscope.capture.sites import SiteFinder
from graphscope.capture.slots import make_slot
from graphscope.capture.tensors import dtype_name, shape_of
from graphscope.model.graph import EventKind, Phase, Role

_PROPERTIES: Final = frozenset({"__get__", "__set__"})


class ZeroWatch:
    """Writes down zeroed gradients.

    Attributes:
        is_zeroing: Whether an optimizer is in its `zero_grad`.
    """

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self.is_zeroing = False
        self._table = table
        self._journal = journal
        self._walker, self._sites = finder
        self._zeroing: Zeroing | None = None
        self._due: dict[int, tuple[torch.Tensor, Reading]] = {}

    def zeroes(self, is_zeroing: bool) -> None:  # noqa: FBT001 - it is the state
        """Note that an optimizer enters or leaves its `zero_grad`."""
        self.is_zeroing = is_zeroing
        self._due.clear()
        self.settle(None)

    def settle(self, func: Any) -> None:
        """Tell of the event that is over, now that `func` is called, if it is."""
        name = getattr(func, "__name__", "")
        if self.is_zeroing or name in _PROPERTIES:
            return  # one more `p.grad = None` may belong to it
        self._journal.keeper.settle()

    def expect_zero(self, leaf: torch.Tensor, gradient: torch.Tensor) -> None:
        """Note that an optimizer looks at a gradient that it may overwrite with 0."""
        self._due[id(gradient)] = leaf, ABSENT

    def read_due(self, gradients: Iterable[torch.Tensor]) -> None:
        """Read gradients that are overwritten with 0 next."""
        for gradient in gradients:
            due = self._due.get(id(gradient))
            if due is not None:
                self._due[id(gradient)] = due[0], self.read_gradient(due[0])

    def note_zeroed(self, gradients: Sequence[torch.Tensor]) -> bool:
        """Write down gradients that an optimizer has overwritten with 0."""
        found = [self._due.pop(id(gradient), None) for gradient in gradients]
        for gradient, due in zip(gradients, found, strict=True):
            if due is not None:
                leaf, before = due
                self.note_zero(leaf, before, self._table.read(gradient))
        return any(due is not None for due in found)

    def read_gradient(self, leaf: torch.Tensor) -> Reading:
        """Read `leaf.grad`; absent where it is None."""
        gradient = leaf.grad
        if gradient is None:
            return ABSENT
        if gradient.dtype is not leaf.dtype:
            return UNREAD
        known = self._table.entry(leaf)
        if known is not None and not known.is_exposed:
            address, version, step, reading = known.gradient
            if (
                address
                and version == gradient._version
                and address == address_of(gradient)
            ):
                if step == self._table.step:
                    return reading
                if step == self._table.step - 1:
                    return self._table.readings.carry(reading, known.value)
        return self._table.read(gradient)

    def note_zero(self, leaf: torch.Tensor, before: Reading, after: Reading) -> None:
        """Write down that `leaf.grad` became None or zero.

        What one call zeroes (`optimizer.zero_grad()`) is one event.
        """
        label = "to None" if after == ABSENT else "to 0"
        self._note_zero(leaf, label, before, after)
        self._journal.keeper.put_off(self._journal.events[-1])

    def _note_zero(
        self, leaf: torch.Tensor, label: str, before: Reading, after: Reading
    ) -> None:
        if self._add_to_zeroing(leaf, label, before, after):
            return
        step = self._table.step
        if self._begin_again(leaf, label, before, after):
            return
        if step != self._table.step:
            before = carry_along(self._table, before, leaf)
        self._zeroing = None
        frame, _ = self._walker.find_user_frame()
        site = self._sites.find(frame)[1] if frame is not None else None
        event = RawEvent(EventKind.ZERO, site=site, label=label, phase=Phase.ZERO)
        event.chain = chain_of(frame, self._walker)
        self._journal.prepare(event)
        self._journal.add(event)
        self._zeroing = Zeroing(event, [], [])
        self._append(event, leaf, before, after)

    def _append(
        self, event: RawEvent, leaf: torch.Tensor, before: Reading, after: Reading
    ) -> None:
        value = self._table.resolve(leaf, event.site)
        event.values.append(value)
        for role, seen in ((Role.BEFORE, before), (Role.AFTER, after)):
            slot = make_slot(role, None, value)
            slot.seen = seen
            event.slots.append(slot)

    def _add_to_zeroing(
        self, leaf: torch.Tensor, label: str, before: Reading, after: Reading
    ) -> bool:
        """Add to the event that came last, if the same call of the user's made it."""
        zeroing = self._zeroing
        events = self._journal.events
        if zeroing is None or not events or events[-1] is not zeroing.event:
            return False
        event = zeroing.event
        if event.label != label:
            return False
        if not is_same_chain(user_chain_start(event.chain), event.chain):
            return False
        if zeroing.values and self._repeat_zero(zeroing, leaf, before, after):
            return True
        if zeroing.values:
            zeroing.values.clear()
            self._journal.leave()
        elif self._journal.replay.is_active:
            self._journal.leave()
        self._append(event, leaf, before, after)
        return True

    def _begin_again(
        self, leaf: torch.Tensor, label: str, before: Reading, after: Reading
    ) -> bool:
        """Use the record of the step before for the first gradient that is zeroed."""
        event = self._journal.upcoming(EventKind.ZERO)
        if event is None or event.label != label or not event.values:
            return False
        if not is_same_chain(user_chain_start(event.chain), event.chain):
            return False
        is_new_step = self._journal.replay.expected is not event
        if not self._journal.enter(event):
            return False
        if is_new_step:
            # What was read belongs into the new step.
            before = carry_along(self._table, before, leaf)
        zeroing = Zeroing(event, event.values, event.slots)
        event.values, event.slots = [], []
        self._journal.advance(event)
        self._zeroing = zeroing
        if not self._repeat_zero(zeroing, leaf, before, after):
            zeroing.values = []
            self._journal.leave()
            self._append(event, leaf, before, after)
        return True

    def _repeat_zero(
        self, zeroing: "Zeroing", leaf: torch.Tensor, before: Reading, after: Reading
    ) -> bool:
        event = zeroing.event
        place = len(event.values)
        if place >= len(zeroing.values):
            return False
        value = zeroing.values[place]
        if not self._table.accept(value, leaf):
            return False
        slots = zeroing.slots[2 * place : 2 * place + 2]
        slots[0].seen, slots[1].seen = before, after
        event.values.append(value)
        event.slots += slots
        is_whole = len(event.values) == len(zeroing.values)
        self._journal.is_partial = not is_whole
        if is_whole:
            zeroing.values = []
        return True


@dataclass(slots=True)
class Zeroing:
    """A zero event that is being made; with `values` one that is being repeated."""

    event: RawEvent
    values: list[RawValue]
    slots: list[RawSlot]


def carry_along(table: TensorTable, reading: Reading, leaf: torch.Tensor) -> Reading:
    """Take a reading of a leaf's gradient along into the step that has begun."""
    slot = RawSlot(Role.BEFORE, reading, shape=shape_of(leaf), dtype=dtype_name(leaf))
    return table.readings.carry(reading, slot)
