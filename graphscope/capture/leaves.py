"""Gradients that arrive at leaves: what arrived, and `.grad` before and after.

A tensor hook sees the summed gradient before accumulation, also when
`torch.autograd.grad` runs no accumulation at all; a post-accumulate hook sees `.grad`
afterwards. Both are registered once per tensor and removed at the end.
"""

import weakref
from collections.abc import Callable
from threading import get_ident
from typing import Any, Final

import torch

from graphscope.capture.gradients import GradientWatch
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import RECORDED_THREADS, Journal
from graphscope.capture.likeness import are_alike, is_alike
from graphscope.capture.memory import address_of
from graphscope.capture.nodes import ACCUMULATE_GRAD
from graphscope.capture.reader import ABSENT, Reading
from graphscope.capture.records import Known, RawEvent, RawSlot, RawValue
from graphscope.capture.slots import HOOK, make_slot
from graphscope.capture.tensors import PLAIN_TYPES
from graphscope.model.graph import EventKind, Role

_ALL_HANDLES: Final = 3
_REDUCED: Final = "before all-reduce"


class LeafWatch:
    """Hooks leaves that require a gradient."""

    def __init__(
        self, table: TensorTable, journal: Journal, gradients: GradientWatch
    ) -> None:
        self._table = table
        self._journal = journal
        self.gradients = gradients
        self._arriving: dict[int, tuple[RawEvent, RawSlot | None]] = {}
        table.on_leaf = self.attach
        table.on_late_hook = self.expect_change

    def attach(self, tensor: torch.Tensor, known: Known) -> None:
        """Hook `tensor`, and let the hook object mark it."""
        hook = _LeafHook(weakref.ref(self), known)
        known.hook = hook
        handle = tensor.register_post_accumulate_grad_hook(hook)
        known.hook_id = handle.id
        before = tensor.register_hook(hook.arrive)
        known.handles = (before, handle)
        _put_first(tensor._backward_hooks, before.id)
        if len(tensor._post_accumulate_grad_hooks) > 1:
            _put_first(tensor._post_accumulate_grad_hooks, handle.id)
            self.expect_change(tensor, known)

    def expect_change(self, tensor: torch.Tensor, known: Known) -> None:
        """Look at `.grad` again after the user's hooks, which may change it."""
        hook = known.hook
        if not isinstance(hook, _LeafHook):
            return
        if len(known.handles) == _ALL_HANDLES:
            known.handles[-1].remove()
        last = tensor.register_post_accumulate_grad_hook(hook.settle)
        known.handles = (*known.handles[:2], last)

    def detach(self) -> None:
        """Remove every hook."""
        for known in self._table.all_known():
            for handle in known.handles:
                handle.remove()
            known.handles = ()

    def hear(self, write: Callable[..., None], *given: Any) -> None:
        """Write down what a hook is told, unless it is another recorder's.

        Threads may train the same parameters, whose hooks then hear of all of them: of
        a backward of another recorded thread only what went through nodes of ours.
        """
        here = get_ident()
        if (
            here == self._journal.thread
            or here not in RECORDED_THREADS
            or torch._C._current_graph_task_id() == self.gradients.task
        ):
            self.gradients.guard(write, *given)

    def note_arrival(self, known: Known, gradient: torch.Tensor) -> None:
        """Write down a gradient that reached a leaf; `.grad` is not changed yet."""
        value = self._current(known)
        before = None
        running: Any = torch._C._current_autograd_node()
        is_accumulating = type(running) is ACCUMULATE_GRAD
        is_plain = gradient is None or gradient.layout is torch.strided
        label = "" if is_plain else _layout_of(gradient)
        if is_accumulating:
            variable = running.variable
            before = variable.grad
            if self._table.is_reduced(variable):
                label, known.is_exposed = _REDUCED, True
            elif len(variable._backward_hooks) > 1:
                label = HOOK
        given = (gradient, before) if is_accumulating else (gradient,)
        event = self._again(value, is_accumulating=is_accumulating)
        if (
            event is None
            or event.slots[0].label != label
            or not self._repeat(event, given, known)
        ):
            event = RawEvent(
                EventKind.CAPTURE, values=[value], site=self.gradients.site
            )
            event.node = value.node
            self._journal.prepare(event)
            for role, tensor in zip((Role.ARRIVED, Role.BEFORE), given, strict=False):
                slot = make_slot(role, tensor, value)
                slot.seen = self._read(role, tensor, value)
                event.slots.append(slot)
            event.slots[0].label = label
            self._journal.add(event)
            self._arriving[id(known)] = event, None
        self._journal.keeper.put_off(event)  # it is not known whether it accumulates

    def _again(self, value: RawValue, *, is_accumulating: bool) -> RawEvent | None:
        """Return the record of the step before, if this should arrive now."""
        kind = EventKind.ACCUMULATE if is_accumulating else EventKind.CAPTURE
        event = self._journal.upcoming(kind)
        if event is None or event.values[0] is not value or event.label:
            return None
        site = self.gradients.site
        if event.site is not site and event.site != site:
            return None
        return event if self._journal.enter(event) else None

    def _repeat(
        self, event: RawEvent, given: tuple[torch.Tensor | None, ...], known: Known
    ) -> bool:
        count = len(given)
        slots, rest = event.slots[:count], event.slots[count:]
        if len(rest) > 1 or not are_alike(slots, given):
            return False
        for slot, tensor in zip(slots, given, strict=True):
            slot.seen = self._read(slot.role, tensor, event.values[0])
        event.slots = slots
        event.kind = EventKind.CAPTURE
        self._journal.advance(event)
        self._arriving[id(known)] = event, rest[0] if rest else None
        return True

    def _read(
        self, role: Role, tensor: torch.Tensor | None, value: RawValue
    ) -> Reading:
        """Read a gradient; what arrived alone was read where it was sent from."""
        if role is Role.ARRIVED and value.node is not None:
            return self.gradients.read_sent(value, value.node, tensor)
        return self._table.read(tensor)

    def note_accumulation(self, known: Known, tensor: torch.Tensor) -> None:
        """Complete the arrival: the gradient was added to `.grad`."""
        event, slot = self._arriving.pop(id(known), (None, None))
        if event is None:
            return
        self._journal.keeper.late = None
        value, gradient = event.values[0], tensor.grad
        event.kind = EventKind.ACCUMULATE
        if slot is None or not are_alike([slot], (gradient,)):
            if self._journal.replay.is_active:
                self._journal.leave()
            slot = make_slot(Role.AFTER, gradient, value)
        slot.seen = self._read_after(event, gradient)
        if gradient is not None and type(gradient) in PLAIN_TYPES:
            step = self._table.step
            address = address_of(gradient)
            known.gradient = (address, gradient._version, step, slot.seen)
        event.slots.append(slot)
        self._journal.tell(event)

    def note_settled(self, known: Known, tensor: torch.Tensor) -> None:
        """Write down that a hook of the user's has changed `.grad`."""
        gradient = tensor.grad
        if type(gradient) not in PLAIN_TYPES or gradient is None:
            return
        address, version, step, seen = known.gradient
        now = address_of(gradient), gradient._version
        if now == (address, version) or step != self._table.step:
            return
        if self._journal.has_update:
            return
        value = self._current(known)
        event = self._journal.upcoming(EventKind.ACCUMULATE)
        if (
            event is None
            or event.label != HOOK
            or event.values[0] is not value
            or event.site != self.gradients.site
            or not is_alike(event.slots[1], gradient)
            or not self._journal.enter(event)
        ):
            event = RawEvent(
                EventKind.ACCUMULATE,
                values=[value],
                site=self.gradients.site,
                label=HOOK,
            )
            event.node = value.node
            self._journal.prepare(event)
            for role in (Role.BEFORE, Role.AFTER):
                event.slots.append(make_slot(role, gradient, value))
            self._journal.add(event)
        else:
            self._journal.advance(event)
        event.slots[0].seen = seen
        event.slots[1].seen = self._table.read(gradient)
        known.gradient = (*now, step, event.slots[1].seen)
        self._journal.tell(event)

    def _read_after(self, event: RawEvent, gradient: torch.Tensor | None) -> Reading:
        """Read `.grad`; where it was None before it often is what arrived."""
        arrived, *before = event.slots
        if (
            gradient is not None
            and before
            and before[0].seen == ABSENT
            and self.gradients.is_last_sent(gradient)
        ):
            return arrived.seen
        return self._table.read(gradient)

    def _current(self, known: Known) -> RawValue:
        """Return the leaf's value in this step, also when it was last used earlier."""
        value = known.value
        if value.step != self._table.step:
            value.step = self._table.step
        return value


def _put_first(hooks: Any, wanted: int) -> None:
    """Let the hook of that number see the gradient before the user's change it."""
    others = [(number, hook) for number, hook in hooks.items() if number != wanted]
    if not others:
        return
    try:
        for number, _ in others:
            hooks.pop(number)
    finally:
        hooks.update(others)


def _layout_of(gradient: torch.Tensor) -> str:
    """Return `sparse` for layouts that keep no zeros."""
    name = str(gradient.layout)
    return "sparse" if "sparse" in name else ""


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
            watch.gradients.settle()
            watch.hear(watch.note_arrival, self._known, gradient)

    def settle(self, tensor: torch.Tensor) -> None:
        watch = self._watch()
        if watch is not None:
            watch.hear(watch.note_settled, self._known, tensor)

    def __call__(self, tensor: torch.Tensor) -> None:
        watch = self._watch()
        if watch is not None:
            watch.hear(watch.note_accumulation, self._known, tensor)
