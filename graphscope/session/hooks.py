"""Hooks in user code: callbacks, names by hand, steps by hand."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from graphscope.errors import CaptureError
from graphscope.model.notice import NoticeKind

if TYPE_CHECKING:
    from graphscope.capture.notices import Callback, Match, Subscription

AnyTensor = TypeVar("AnyTensor")


def on(kind: str, callback: "Callback", match: "Match" = None) -> "Subscription":
    """Call `callback(notice)` for events of the trace or recording that is running.

    Args:
        kind: `op`, `grad`, `accumulate`, `update` or `step`.
        callback: Gets a frozen `Notice`. An exception ends it, is reported once on
            stderr, and never reaches the training code.
        match: A name, operator or module path (`*` and `?` allowed), or a function
            of the notice; None for all.

    Raises:
        CaptureError: Nothing is being recorded, or the kind is unknown.
    """
    from graphscope.capture.recorder import running_recorder

    recorder = running_recorder()
    if recorder is None:
        raise CaptureError(
            "gs.on() was called while nothing is recorded: call it inside of "
            "`with gs.trace()` or `with gs.record(path)`."
        )
    if kind not in list(NoticeKind):
        known = ", ".join(NoticeKind)
        raise CaptureError(f"There are no {kind!r} events: choose one of {known}.")
    return recorder.notices.subscribe(NoticeKind(kind), callback, match)


def name(tensor: AnyTensor, text: str) -> AnyTensor:
    """Name the value of `tensor` by hand and return it; nothing when not recording."""
    recorder = _running()
    if recorder is not None:
        recorder.name_tensor(tensor, text)
    return tensor


@contextmanager
def step() -> Iterator[None]:
    """Make everything inside of the `with` block one step; overrides the search."""
    _note_training()
    recorder = _running()
    if recorder is None:
        yield
        return
    recorder.begin_step()
    try:
        yield
    finally:
        recorder.end_step()
    recorder.hold_now()


def _note_training() -> None:
    """Let a thread be recorded, where threads are, before its first step."""
    module = sys.modules.get("graphscope.capture.threads")
    if module is not None:
        module.begin_here()


def _running() -> Any:
    """Return the running recorder without importing torch for it."""
    module = sys.modules.get("graphscope.capture.recorder")
    return module.running_recorder() if module is not None else None
