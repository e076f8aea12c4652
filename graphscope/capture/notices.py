"""Callbacks of the user's, told about events while training runs.

An exception in a callback ends that callback and is reported once on stderr; it never
reaches the training code.
"""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Self

import torch

from graphscope.capture.faults import is_from_handler
from graphscope.capture.reader import UNREAD
from graphscope.capture.readings import Readings
from graphscope.capture.records import RawEvent, RawSlot, RawValue
from graphscope.model.graph import EventKind, OpKind, Role
from graphscope.model.notice import Notice, NoticeKind
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace

Callback = Callable[[Notice], object]
Match = str | Callable[[Notice], bool] | None

_KINDS = {
    EventKind.OP: NoticeKind.OP,
    EventKind.GRAD: NoticeKind.GRAD,
    EventKind.ACCUMULATE: NoticeKind.ACCUMULATE,
    EventKind.UPDATE: NoticeKind.UPDATE,
}


@contextmanager
def unseen() -> Iterator[None]:
    """Run what a user's callback does so that no recording sees its torch calls."""
    with torch._C.DisableTorchFunction(), torch.no_grad():
        yield


class Subscription:
    """One callback; `remove()` ends it, and it is a context manager that does."""

    def __init__(self, kind: NoticeKind, callback: Callback, match: Match) -> None:
        self.kind = kind
        self.is_active = True
        self._callback = callback
        self._match = match

    def remove(self) -> None:
        """Stop being told."""
        self.is_active = False

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop being told."""
        self.remove()

    def tell(self, notice: Notice) -> None:
        """Call the callback if the notice matches; a failing one is ended."""
        if not self.is_active:
            return
        try:
            if self._matches(notice):
                with torch._C.DisableTorchFunction(), torch.no_grad():
                    self._callback(notice)
        except Exception as fault:  # it must not reach the training code
            if is_from_handler(fault):
                raise
            self.is_active = False
            print(  # noqa: T201 - the user's own callback, told once
                f"graphscope: a callback for {self.kind.value!r} events failed in step "
                f"{notice.step} and was ended; training goes on.\n"
                f"{traceback.format_exc()}",
                file=sys.stderr,
                end="",
            )

    def _matches(self, notice: Notice) -> bool:
        if self._match is None:
            return True
        if isinstance(self._match, str):
            texts = (notice.name, notice.op, notice.scope)
            return any(fnmatchcase(text, self._match) for text in texts if text)
        return bool(self._match(notice))


class NoticeBoard:
    """The callbacks of one recorder."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self.subscriptions: list[Subscription] = []

    def subscribe(
        self, kind: NoticeKind, callback: Callback, match: Match
    ) -> Subscription:
        """Add a callback."""
        found = Subscription(kind, callback, match)
        self.subscriptions.append(found)
        return found

    def announce(self, event: RawEvent, step: int) -> None:
        """Tell about an event that is complete."""
        kind = _KINDS.get(event.kind)
        if event.op is not None and event.op.kind is OpKind.UPDATE:
            kind = NoticeKind.UPDATE
        listening = [s for s in self.subscriptions if s.is_active and s.kind is kind]
        if kind is None or not listening:
            return
        notice = _describe(kind, event, step, self._readings)
        for subscription in listening:
            subscription.tell(notice)

    def announce_step(self, trace: Trace) -> None:
        """Tell about a finished step."""
        for subscription in self.subscriptions:
            if subscription.is_active and subscription.kind is NoticeKind.STEP:
                subscription.tell(
                    Notice(
                        NoticeKind.STEP, trace.step, f"step {trace.step}", trace=trace
                    )
                )


def _describe(
    kind: NoticeKind, event: RawEvent, step: int, readings: Readings
) -> Notice:
    op = event.op or (event.node.op if event.node is not None else None)
    operator = event.node.name if event.node is not None else event.label
    if event.op is not None:
        operator = event.op.name
    names = [value.name for value in event.values if value.name]
    if event.kind is EventKind.GRAD and event.node is not None:
        names = [v.name for v in event.node.outputs.values() if v.name]
    return Notice(
        kind=kind,
        step=step,
        name=", ".join(names) or operator,
        op=operator,
        scope=op.scope if op is not None else "",
        site=event.site,
        seen=_numbers(event, readings),
    )


def _numbers(event: RawEvent, readings: Readings) -> dict[str, Observation | None]:
    seen: dict[str, Observation | None] = {}
    if event.op is not None:
        for position, value in enumerate(event.op.outputs):
            key = "value" if not position else f"value[{position}]"
            seen[key] = _decoded(value, readings)
    for slot in event.slots:
        name = slot.value.name if slot.value is not None else None
        label = name or f"edge {slot.position}"
        keys = {
            Role.GRAD_OUTPUT: "gradient",
            Role.EDGE: label,
            Role.UPDATED: label,
            Role.LOCAL: f"local {label}",
            Role.HYPER: slot.label,
        }
        seen[keys.get(slot.role, slot.role.value)] = _decoded(slot, readings)
    return seen


def _decoded(holder: RawValue | RawSlot, readings: Readings) -> Observation | None:
    reading = UNREAD if holder.seen is None else holder.seen
    return readings.decode(reading, holder.shape, holder.dtype)
