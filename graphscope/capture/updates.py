"""What changes parameters and their `.grad`: optimizers, and zeroing.

The optimizer hooks are torch's global ones. What an optimizer computes inside its step
is one update event, not a hundred ops; a closure that it calls is the user's forward
and backward, and is recorded.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

import torch

from graphscope.capture.frames import FrameWalker
from graphscope.capture.gradients import GradientWatch
from graphscope.capture.holdings import Makers, Update, describe_held, marks_of
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.likeness import is_alike, version_of
from graphscope.capture.memory import address_of
from graphscope.capture.reader import ABSENT, Reading
from graphscope.capture.recipes import chain_of, is_same_chain, user_chain_start
from graphscope.capture.records import Known, RawEvent, RawSlot, RawValue
from graphscope.capture.relay import AFTER_STEP, BEFORE_STEP
from graphscope.capture.sites import SiteFinder
from graphscope.capture.slots import make_slot
from graphscope.capture.tensors import PLAIN_TYPES
from graphscope.capture.zeroing import ZeroWatch, carry_along
from graphscope.model.graph import EventKind, Role, ValueKind
from graphscope.model.site import Site


class UpdateWatch:
    """Writes down optimizer steps and zeroed gradients."""

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        gradients: GradientWatch,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self.zeroing = ZeroWatch(table, journal, finder)
        self._table = table
        self._journal = journal
        self._gradients = gradients
        self._walker, self._sites = finder
        self._running: list[int] = []  # optimizers that are in their step, by id
        self._used: list[Used] = []
        self._makers = Makers()

    @property
    def depth(self) -> int:
        """How many optimizers are in their step."""
        return len(self._running)

    def attach(self) -> None:
        """Hear of the steps of every optimizer."""
        BEFORE_STEP.add(self._before)
        AFTER_STEP.add(self._after)

    def detach(self) -> None:
        """Hear of no more of them."""
        BEFORE_STEP.remove(self._before)
        AFTER_STEP.remove(self._after)

    def _before(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if not self._journal.is_foreign_thread():
            self._leave(optimizer)
            self._running.append(id(optimizer))
            self._gradients.guard(self._read_used, optimizer)

    def _after(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if self._journal.is_foreign_thread():
            return
        self._leave(optimizer)
        self._gradients.guard(self._note_update, optimizer)

    def _leave(self, optimizer: torch.optim.Optimizer) -> None:
        """Forget that `optimizer` and what it called are in their step.

        Also before the next step: torch tells nobody when a step has raised.
        """
        if id(optimizer) in self._running:
            del self._running[self._running.index(id(optimizer)) :]

    def note_look(self, frame: FrameType) -> None:
        """Note that `frame` asks whether a tensor is a leaf: a new optimizer does."""
        optimizer = self._makers.made(frame)
        if optimizer is not None:
            self._makers.note(optimizer, self.site())

    def site(self) -> Site | None:
        """Return the user's line that is running."""
        frame, _ = self._walker.find_user_frame()
        return self._sites.find(frame)[1] if frame is not None else None

    def _read_used(self, optimizer: torch.optim.Optimizer) -> None:
        """Read gradients that are not what last was seen of them any more.

        A scaler, clipping or an exchange between processes has changed them.
        """
        table = self._table
        self._used = []
        for parameter in _parameters_with_gradient(optimizer):
            known, gradient = table.entry(parameter), parameter.grad
            if known is None or gradient is None or type(gradient) not in PLAIN_TYPES:
                continue
            address, version, step, seen = known.gradient
            is_here = step == table.step and address == address_of(gradient)
            is_same = is_here and version == gradient._version
            if is_same and not known.is_exposed:
                continue
            reading = table.read(gradient)
            if (
                is_same
                and not table.is_reduced(parameter)
                and table.readings.is_equal(seen, reading, known.value)
            ):
                continue
            known.gradient = (
                address_of(gradient),
                gradient._version,
                table.step,
                reading,
            )
            self._used.append(Used(parameter, known, known.gradient, reading))

    def _take_used(self, step: int) -> "list[Used]":
        """Return what was read before the update, as readings of the step that is now.

        What a closure of the optimizer's made anew was not used.
        """
        found, self._used = self._used, []
        found = [used for used in found if used.known.gradient is used.mark]
        if step != self._table.step:
            for used in found:
                used.seen = carry_along(self._table, used.seen, used.parameter)
        return found

    def _note_update(self, optimizer: torch.optim.Optimizer) -> None:
        update = Update(
            label=type(optimizer).__name__,
            parameters=list(_parameters_with_gradient(optimizer)),
            hyper=list(_hyper_parameters(optimizer)),
            marks=marks_of(optimizer),
            made_by=self._makers.site_of(optimizer),
        )
        event = self._journal.upcoming(EventKind.UPDATE)
        if event is None or not self._repeat(event, update):
            event = RawEvent(EventKind.UPDATE, site=self.site(), label=update.label)
            self._record(event, update)
            found: dict[int, RawValue] = {}
            for parameter, value in zip(update.parameters, event.values, strict=True):
                found.setdefault(id(parameter), value)  # one held twice is here twice
            event.held = describe_held(optimizer, self._table, found)
            event.marks, event.made_by = update.marks, update.made_by
        self._journal.tell(event, partial(self._without_gradient, optimizer))

    def _without_gradient(self, optimizer: torch.optim.Optimizer) -> tuple[str, ...]:
        """Name the parameters that an update has passed over for want of a gradient."""
        parameters = (p for group in optimizer.param_groups for p in group["params"])
        missing = [p for p in parameters if p.requires_grad and p.grad is None]
        return tuple(self._table.name_of(parameter) for parameter in missing)

    def _record(self, event: RawEvent, update: Update) -> None:
        parameters = update.parameters
        event.chain = chain_of(sys._getframe(1), self._walker)
        step = self._table.step
        self._journal.prepare(event)
        used = self._take_used(step)
        for parameter in parameters:
            old = self._value(parameter)
            seen = self._table.read(parameter)
            event.values.append(old)
            slot = make_slot(Role.UPDATED, parameter, old)
            slot.seen = seen
            event.slots.append(slot)
            fresh = self._table.make_value(parameter, site=old.site)
            fresh.name, fresh.previous, fresh.seen = old.name, old, seen
            old.successor = fresh
            self._table.note_read(self._table.bind(parameter, fresh), parameter)
        for name, number in update.hyper:
            slot = RawSlot(Role.HYPER, ABSENT, dtype="float64", label=name)
            slot.seen = self._table.readings.put_number(number)
            event.slots.append(slot)
        values = {id(p): v for p, v in zip(parameters, event.values, strict=True)}
        for one in used:
            if id(one.parameter) in values:
                value = values[id(one.parameter)]
                slot = make_slot(Role.USED, one.parameter.grad, value)
                slot.seen = one.seen
                event.slots.append(slot)
        self._journal.add(event)

    def _repeat(self, event: RawEvent, update: Update) -> bool:
        """Use the record of the step before, if this is the same update."""
        parameters, hyper = update.parameters, update.hyper
        if (
            event.label != update.label
            or event.marks != update.marks
            or event.made_by != update.made_by
            or not self._fits(event, parameters, hyper)
        ):
            return False
        table = self._table
        step = table.step
        if not self._journal.enter(event):
            return False
        count, end = len(event.values), len(event.values) + len(hyper)
        for used, slot in zip(self._take_used(step), event.slots[end:], strict=True):
            slot.seen = used.seen
        for value, slot, parameter in zip(
            event.values, event.slots, parameters, strict=False
        ):
            known, fresh = table.entry(parameter), value.successor
            if known is None or fresh is None:
                continue
            slot.seen = fresh.seen = table.read(parameter)
            fresh.step, fresh.known = table.step, known
            known.value, known.version = fresh, version_of(parameter)
            table.note_read(known, parameter)
        for slot, (_, number) in zip(event.slots[count:end], hyper, strict=True):
            slot.seen = table.readings.put_number(number)
        self._journal.advance(event)
        return True

    def _fits(
        self,
        event: RawEvent,
        parameters: list[torch.Tensor],
        hyper: list[tuple[str, float]],
    ) -> bool:
        """Whether the same parameters are updated, by numbers of the same names."""
        count, end = len(event.values), len(event.values) + len(hyper)
        if count != len(parameters):
            return False
        if [slot.label for slot in event.slots[count:end]] != [n for n, _ in hyper]:
            return False
        if not self._fits_used(event.slots[end:]):
            return False
        if not is_same_chain(user_chain_start(event.chain), event.chain):
            return False
        pairs = zip(event.slots, parameters, strict=False)
        return all(self._is_current(slot, parameter) for slot, parameter in pairs)

    def _is_current(self, slot: RawSlot, parameter: torch.Tensor) -> bool:
        known = self._table.entry(parameter)
        if known is None or known.value is not slot.value:
            return False
        value = known.value
        return (
            value.step == self._table.step
            and value.successor is not None
            and is_alike(slot, parameter)
        )

    def _fits_used(self, slots: Sequence[RawSlot]) -> bool:
        """Whether `slots` are for what this update found changed."""
        if len(slots) != len(self._used):
            return False
        return all(
            used.known.value is slot.value
            and used.known.gradient is used.mark
            and slot.role is Role.USED
            and used.parameter.grad is not None
            and is_alike(slot, used.parameter.grad)
            for used, slot in zip(self._used, slots, strict=True)
        )

    def _value(self, parameter: torch.Tensor) -> RawValue:
        """Return the value that the step used, which the update has overwritten."""
        known = self._table.entry(parameter)
        if known is not None and known.value.step == self._table.step:
            return known.value
        return self._table.resolve(parameter, None)

    def gradient_of(self, leaf: torch.Tensor, gradient: torch.Tensor) -> None:
        """Note that the user's code read `leaf.grad`: an op may use it."""
        if self._table.entry(leaf) is None:
            return
        owner = self._value(leaf)
        known = self._table.find(gradient)
        if (
            known is not None
            and known.owner is owner
            and known.step == self._table.step
        ):
            return
        value = owner.gradient
        if (
            value is None
            or value.step == self._table.step
            or value.shape != gradient.shape
            or value.kind_of_number is not gradient.dtype
            or value.requires_grad is not gradient.requires_grad
        ):
            value = self._table.make_value(gradient, site=None)
            value.kind = ValueKind.GRADIENT
            value.name = f"{owner.name}.grad" if owner.name else None
            value.owner = owner
            owner.gradient = value
        value.step = self._table.step
        value.seen = self._table.read(gradient)
        self._table.bind(gradient, value)


@dataclass(slots=True)
class Used:
    """A gradient that an optimizer's step finds changed; `mark` is what was noted."""

    parameter: torch.Tensor
    known: Known
    mark: tuple[int, int, int, Reading]
    seen: Reading


def _parameters_with_gradient(
    optimizer: torch.optim.Optimizer,
) -> Iterator[torch.Tensor]:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                yield parameter


def _hyper_parameters(
    optimizer: torch.optim.Optimizer,
) -> Iterator[tuple[str, float]]:
    """Yield the hyper-parameters that are numbers, of every parameter group."""
    groups = optimizer.param_groups
    for index, group in enumerate(groups):
        suffix = f"[{index}]" if len(groups) > 1 else ""
        for name, number in _numbers(group):
            yield name + suffix, number


def _numbers(group: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, number in group.items():
        if name == "params" or number is None or isinstance(number, bool):
            continue
        if isinstance(number, torch.Tensor) and number.numel() == 1:
            yield name, float(number.detach())
        elif isinstance(number, int | float) and (number or name == "lr"):
            yield name, float(number)
        elif isinstance(number, tuple):
            for position, item in enumerate(number):
                if isinstance(item, int | float):
                    yield f"{name}[{position}]", float(item)
