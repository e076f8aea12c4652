"""Threads that the program starts: each that trains gets a recorder of its own.

Python has no hook for a thread that starts, only for tracing what it runs. But each
thread of `threading` calls `_set_ident` first and `_delete` last, whatever its class
overrides, and neither is called from within the user's code: so no frame of ours is in
its stack or in its tracebacks.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Thread, current_thread, get_ident
from typing import Any, Final, Protocol, final

import torch

from graphscope.capture import compiled, scripted
from graphscope.capture.gate import StopTraining
from graphscope.capture.modules import is_opaque
from graphscope.capture.relay import BEFORE_STEP, ENTER, LEAVE
from graphscope.capture.scout import Scout, ScoutMode, is_training_call
from graphscope.capture.stack import (
    Modes,
    is_tracing,
    remove_modes,
    restore_modes,
)
from graphscope.capture.tracebacks import strip_frames
from graphscope.errors import describe_error

MOST_THREADS: Final = 64
"""So many are recorded: a program may start new ones in every step."""

_BIRTH: Final = "_set_ident"
_STARTER: Final = "_bootstrap_inner"
_DEATH: Final = "_delete"
_RAISED: Final = "_invoke_excepthook"


class ThreadRecording(Protocol):
    """The recording of one thread."""

    def end(self, error: BaseException | None, /) -> None:
        """End it, on that thread; `error` is what has ended the thread, if anything."""


@dataclass(slots=True, eq=False)
class _Watched:
    """A thread that runs.

    Attributes:
        excepthook: What tells of an exception that ends it.
        hidden: Modules during which the scout is away, by id, with the stack before.
    """

    scout: Scout
    excepthook: Callable[[Any], object]
    name: str = ""
    recording: ThreadRecording | None = None
    hidden: list[tuple[int, Modes]] = field(default_factory=list)


@final
class ThreadWatch:
    """Records threads that are started while it is attached, if they train.

    A thread trains when it builds a graph that leads to something that requires a
    gradient, calls backward, or steps an optimizer. Its recorder is started before that
    call runs, by `begin(name)`, on that very thread; it may return None, to record
    nothing. Threads that are not of Python's `threading` are not seen.

    Threads: `begin` may be called on several at once.

    Attributes:
        problems: Why threads are not recorded that train, by name; the first of them.
    """

    def __init__(
        self,
        begin: Callable[[str], ThreadRecording | None],
        *,
        most: int = MOST_THREADS,
    ) -> None:
        self.problems: dict[str, str] = {}
        self._begin = begin
        self._left = most
        self._watched: dict[int, _Watched] = {}

    def attach(self) -> None:
        """Begin to watch."""
        _ATTACHED.append(self)
        _install()
        ENTER.add(self._enter, is_first=True)
        LEAVE.add(self._leave)
        BEFORE_STEP.add(self._before_step, is_first=True)
        for asked in (compiled.ASKED, scripted.ASKED):
            asked.append(self._consider)

    def detach(self) -> None:
        """Watch no new threads; those that are recorded go on until they end.

        The scout of a thread that runs on stays in its stack and passes everything on:
        no other thread can take it away.
        """
        if self in _ATTACHED:
            _ATTACHED.remove(self)
        _uninstall()
        ENTER.remove(self._enter)
        LEAVE.remove(self._leave)
        BEFORE_STEP.remove(self._before_step)
        for asked in (compiled.ASKED, scripted.ASKED):
            if self._consider in asked:
                asked.remove(self._consider)
        for watched in list(self._watched.values()):
            watched.scout.has_begun = True

    def end_all(self) -> None:
        """End the recordings of threads that still run, from another thread."""
        for watched in list(self._watched.values()):
            self._end(watched, None)

    @property
    def names(self) -> tuple[str, ...]:
        """The threads that are recorded now."""
        found = list(self._watched.values())
        return tuple(one.name for one in found if one.recording is not None)

    def begin_here(self) -> None:
        """Record this thread from here on: it is known to train."""
        watched = self._watched.get(get_ident())
        if watched is not None:
            watched.scout.begin()

    def _wake(self) -> None:
        """Start the recorder of this thread."""
        watched = self._watched.get(get_ident())
        if watched is None or self not in _ATTACHED:
            return
        watched.name = current_thread().name
        if not self._left:
            self._note_problem(watched.name, "too many threads were recorded before")
            return
        self._left -= 1
        try:
            watched.recording = self._begin(watched.name)
        except Exception as problem:  # noqa: BLE001 - the observer rule
            self._note_problem(watched.name, describe_error(problem))

    def _note_problem(self, name: str, text: str) -> None:
        if len(self.problems) < MOST_THREADS:
            self.problems.setdefault(name, text)

    # --- the life of a thread, told on that thread

    def note_start(self, thread: Any) -> None:
        """Send a scout ahead of what `thread` will run."""
        if not self._left:
            return
        watched = _Watched(Scout(self._wake), getattr(thread, _RAISED))
        self._watched[get_ident()] = watched
        own = vars(thread)
        own[_DEATH] = partial(self._note_end, thread, getattr(thread, _DEATH))
        own[_RAISED] = self._note_error
        torch._C._push_on_torch_function_stack(watched.scout.mode)

    def _note_error(self, thread: Any) -> None:
        """Hear that an exception ends a thread, before anybody else is told."""
        watched = self._watched[get_ident()]
        error = sys.exc_info()[1]
        try:
            if error is not None:
                self._end(watched, error)
                strip_frames(error)
        finally:
            if not isinstance(error, StopTraining):  # for Python, no `SystemExit`
                watched.excepthook(thread)

    def _note_end(self, thread: Any, delete: Callable[[], object]) -> None:
        """Hear that a thread is over; it is still known by its name."""
        watched = self._watched.get(get_ident())
        try:
            vars(thread).pop(_DEATH, None)
            if watched is not None:
                vars(thread)[_RAISED] = watched.excepthook
                self._end(watched, None)
        finally:
            self._watched.pop(get_ident(), None)
            remove_modes(
                lambda mode: watched is not None and mode is watched.scout.mode
            )
            delete()

    def _end(self, watched: _Watched, error: BaseException | None) -> None:
        recording, watched.recording = watched.recording, None
        watched.scout.has_begun = True
        if recording is None:
            return
        try:
            recording.end(error)
        except Exception as problem:  # noqa: BLE001 - the observer rule
            self._note_problem(watched.name, describe_error(problem))
        finally:
            watched.scout.retire()

    def drop(self) -> None:
        """Record nothing more: this is a forked child, and the threads are not here.

        What was begun is kept as it is, for it belongs to the parent: its files must
        not be closed from here.
        """
        for watched in list(self._watched.values()):
            watched.scout.retire()
            if watched.recording is not None:
                _OF_THE_PARENT.append(watched.recording)
                watched.recording = None
        self.detach()

    # --- what trains, and no mode sees

    def _enter(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        watched = self._watched.get(get_ident())
        if watched is None or watched.recording is not None or is_tracing():
            return
        if not watched.scout.has_begun and is_training_call(module, args):
            watched.scout.begin()
        if watched.recording is None and is_opaque(module, args):
            # fused and compiled paths look for any mode; see `ModuleWatch`
            before = remove_modes(lambda mode: mode is watched.scout.mode)
            watched.hidden.append((id(module), before))

    def _leave(self, module: torch.nn.Module, *_: Any) -> None:
        watched = self._watched.get(get_ident())
        if watched is None or not watched.hidden or watched.hidden[-1][0] != id(module):
            return
        before = watched.hidden.pop()[1]
        if before:
            restore_modes(before, lambda mode: mode is watched.scout.mode)

    def _before_step(self, *_: Any) -> None:
        self.begin_here()

    def _consider(self, *given: Any) -> None:
        watched = self._watched.get(get_ident())
        if watched is not None:
            watched.scout.consider(given)


def begin_here() -> None:
    """Let the thread that calls be recorded, if it is watched: it is known to train."""
    for watch in tuple(_ATTACHED):
        watch.begin_here()


_ATTACHED: Final[list[ThreadWatch]] = []
_ORIGINAL: Final[list[Any]] = []
_IS_INSTALLED: Final = [False]  # also below a replacement that somebody else made
_OF_THE_PARENT: Final[list[ThreadRecording]] = []


def _set_ident(thread: Any) -> None:
    """Stand in for the method with which a thread, just begun, notes its number."""
    _ORIGINAL[0](thread)
    if not _ATTACHED or sys._getframe(1).f_code.co_name != _STARTER:
        return  # it only stands for a thread that Python did not start
    try:
        for watch in tuple(_ATTACHED):
            watch.note_start(thread)
    except Exception:  # noqa: BLE001 - else whoever starts the thread waits for ever
        return


def _install() -> None:
    if not _IS_INSTALLED[0] and hasattr(Thread, _BIRTH):
        _ORIGINAL[:] = [getattr(Thread, _BIRTH)]
        setattr(Thread, _BIRTH, _set_ident)
        _IS_INSTALLED[0] = True


def _uninstall() -> None:
    if not _ATTACHED and getattr(Thread, _BIRTH, None) is _set_ident:
        setattr(Thread, _BIRTH, _ORIGINAL[0])  # kept: a thread may be in ours just now
        _IS_INSTALLED[0] = False


def _drop_after_fork() -> None:
    """A forked child records nothing, and has no thread but this one."""
    for watch in tuple(_ATTACHED):
        watch.drop()
    remove_modes(lambda mode: isinstance(mode, ScoutMode))


os.register_at_fork(after_in_child=_drop_after_fork)
