"""Gradients that arrive at leaves: what arrived, and `.grad` before and after.

A tensor hook sees the summed gradient before accumulation, also when
`torch.autograd.grad` runs no accumulation at all; a post-accumulate hook sees `.grad`
afterwards. Both are registered once per tensor and removed at the end.
"""

import weakref
from typing import Any

import torch

from graphscope.capture.gradients import ACCUMULATE_GRAD, GradientWatch
from graphscope.capture.identity import Known, TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.records import RawEvent, RawSlot, RawValue
from graphscope.capture.tensors import dtype_name, shape_of
from graphscope.model.graph import EventKind, Role


class LeafWatch:
    """Hooks leaves that require a gradient."""

    def __init__(
        self, table: TensorTable, journal: Journal, gradients: GradientWatch
    ) -> None:
        self._table = table
        self._journal = journal
        self._gradients = gradients
        self._arriving: dict[int, RawEvent] = {}
        table.on_leaf = self.attach

    def attach(self, tensor: torch.Tensor, known: Known) -> None:
        """Hook `tensor`, and let the hook object mark it."""
        hook = _LeafHook(weakref.ref(self), known)
        known.hook = hook
        known.handles = (
            tensor.register_hook(hook.arrive),
            tensor.register_post_accumulate_grad_hook(hook),
        )

    def detach(self) -> None:
        """Remove every hook."""
        for known in self._table.all_known():
            for handle in known.handles:
                handle.remove()
            known.handles = ()

    def guard(self, write: Any, *args: Any) -> None:
        """Run `write` under the observer rule."""
        self._gradients.guard(write, *args)

    def note_arrival(self, known: Known, gradient: torch.Tensor) -> None:
        """Write down a gradient that reached a leaf; `.grad` is not changed yet."""
        value = self._current(known)
        event = RawEvent(EventKind.CAPTURE, values=[value], site=self._gradients.site)
        event.node = value.node
        self._journal.prepare(event)
        event.slots.append(self._slot(Role.ARRIVED, gradient, value))
        running = torch._C._current_autograd_node()
        if running is not None and running.name() == ACCUMULATE_GRAD:
            before = running.variable.grad  # type: ignore[attr-defined]
            event.slots.append(self._slot(Role.BEFORE, before, value))
        self._journal.add(event)
        self._arriving[id(known)] = event

    def note_accumulation(self, known: Known, tensor: torch.Tensor) -> None:
        """Complete the arrival: the gradient was added to `.grad`."""
        event = self._arriving.pop(id(known), None)
        if event is None:
            return
        value = event.values[0]
        event.kind = EventKind.ACCUMULATE
        event.slots.append(self._slot(Role.AFTER, tensor.grad, value))
        self._journal.on_event(event, self._journal.step)

    def _current(self, known: Known) -> RawValue:
        """Return the leaf's value in this step, also when it was last used earlier."""
        value = known.value
        if value.step != self._table.step:
            value.step = self._table.step
        return value

    def _slot(
        self, role: Role, tensor: torch.Tensor | None, value: RawValue
    ) -> RawSlot:
        slot = RawSlot(role, self._table.observe(tensor), value)
        if tensor is not None:
            slot.shape, slot.dtype = shape_of(tensor), dtype_name(tensor)
        else:
            slot.shape, slot.dtype = value.shape, value.dtype
        return slot


class _LeafHook:
    """The two hooks of one leaf; its identity marks the tensor."""

    __slots__ = ("__weakref__", "_known", "_watch")
    # torch.save warns about hooks that would be lost; this one is ours to lose.
    __torch_unserializable__ = True

    def __init__(self, watch: "weakref.ref[LeafWatch]", known: Known) -> None:
        self._watch = watch
        self._known = known

    def arrive(self, gradient: torch.Tensor) -> None:
        watch = self._watch()
        if watch is not None:
            watch.guard(watch.note_arrival, self._known, gradient)

    def __call__(self, tensor: torch.Tensor) -> None:
        watch = self._watch()
        if watch is not None:
            watch.guard(watch.note_accumulation, self._known, tensor)
