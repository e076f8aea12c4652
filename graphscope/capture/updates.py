"""What changes parameters and their `.grad`: optimizers, and zeroing.

The optimizer hooks are torch's global ones. What an optimizer computes inside its step
is one update event, not a hundred ops; a closure that it calls is the user's forward
and backward, and is recorded.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from graphscope.capture.frames import FrameWalker
from graphscope.capture.gradients import GradientWatch
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.records import RawEvent, RawSlot, RawValue
from graphscope.capture.sites import SiteFinder
from graphscope.model.graph import EventKind, Phase, Role, ValueKind
from graphscope.model.observation import Observation
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
        self.is_zeroing = False  # an optimizer is in its zero_grad
        self._table = table
        self._journal = journal
        self._gradients = gradients
        self._walker, self._sites = finder
        self._handles: list[Any] = []
        self._running: list[int] = []  # optimizers that are in their step, by id

    @property
    def depth(self) -> int:
        """How many optimizers are in their step."""
        return len(self._running)

    def attach(self) -> None:
        """Register torch's global optimizer hooks."""
        self._handles = [
            register_optimizer_step_pre_hook(self._before),
            register_optimizer_step_post_hook(self._after),
        ]

    def detach(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _before(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if not self._journal.is_foreign_thread():
            self._leave(optimizer)
            self._running.append(id(optimizer))

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

    def site(self) -> Site | None:
        """Return the user's line that is running."""
        frame, _ = self._walker.find_user_frame()
        return self._sites.find(frame)[1] if frame is not None else None

    def _note_update(self, optimizer: torch.optim.Optimizer) -> None:
        label = type(optimizer).__name__
        event = RawEvent(EventKind.UPDATE, site=self.site(), label=label)
        self._journal.prepare(event)
        for parameter in _parameters_with_gradient(optimizer):
            old = self._value(parameter)
            seen = self._table.observe(parameter)
            event.values.append(old)
            slot = RawSlot(Role.UPDATED, seen, old, shape=old.shape, dtype=old.dtype)
            event.slots.append(slot)
            self._replace(parameter, old, seen)
        event.slots += _hyper_slots(optimizer)
        self._journal.add(event)
        self._journal.on_event(event, self._journal.step)

    def _value(self, parameter: torch.Tensor) -> RawValue:
        """Return the value that the step used, which the update has overwritten."""
        known = self._table.entry(parameter)
        if known is not None and known.value.step == self._table.step:
            return known.value
        return self._table.resolve(parameter, None)

    def _replace(self, parameter: torch.Tensor, old: RawValue, seen: Any) -> None:
        fresh = self._table.make_value(parameter, site=old.site)
        fresh.name, fresh.previous, fresh.seen = old.name, old, seen
        self._table.bind(parameter, fresh)

    def gradient_of(self, leaf: torch.Tensor, gradient: torch.Tensor) -> None:
        """Note that the user's code read `leaf.grad`: an op may use it."""
        if self._table.entry(leaf) is None:
            return
        owner = self._value(leaf)
        known = self._table.find(gradient)
        if known is not None and known.owner is owner:
            return
        value = self._table.make_value(gradient, site=None)
        value.kind = ValueKind.GRADIENT
        value.name = f"{owner.name}.grad" if owner.name else None
        value.owner = owner
        value.seen = self._table.observe(gradient)
        self._table.bind(gradient, value)

    def read_gradient(self, leaf: torch.Tensor) -> Observation | None:
        """Return the numbers of `leaf.grad`, None where it is None."""
        seen: Observation | None = self._table.observe(leaf.grad)
        return seen

    def note_zero(
        self, leaf: torch.Tensor, before: Observation | None, after: Observation | None
    ) -> None:
        """Write down that `leaf.grad` became None or zero.

        What one call zeroes (`optimizer.zero_grad()`) is one event.
        """
        label = "to None" if after is None else "to 0"
        site = self.site()
        events = self._journal.events
        event = events[-1] if events else None
        is_same = event is not None and (event.kind, event.label, event.site) == (
            EventKind.ZERO,
            label,
            site,
        )
        if event is None or not is_same:
            event = RawEvent(EventKind.ZERO, site=site, label=label, phase=Phase.ZERO)
            self._journal.prepare(event)
            self._journal.add(event)
        value = self._table.resolve(leaf, site)
        event.values.append(value)
        for role, seen in ((Role.BEFORE, before), (Role.AFTER, after)):
            slot = RawSlot(role, seen, value, shape=value.shape, dtype=value.dtype)
            event.slots.append(slot)


def _parameters_with_gradient(
    optimizer: torch.optim.Optimizer,
) -> Iterator[torch.Tensor]:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                yield parameter


def _hyper_slots(optimizer: torch.optim.Optimizer) -> Iterator[RawSlot]:
    """Yield the hyper-parameters that are numbers, of every parameter group."""
    groups = optimizer.param_groups
    for index, group in enumerate(groups):
        suffix = f"[{index}]" if len(groups) > 1 else ""
        for name, number in _numbers(group):
            data = np.array(number, dtype=np.float64)
            yield RawSlot(
                Role.HYPER, Observation(data), dtype="float64", label=name + suffix
            )


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
