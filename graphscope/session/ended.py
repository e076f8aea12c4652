"""Which recording an exception has ended, for whoever asks what the exception means.

An exception cannot be referred to weakly, and its frames hold the user's tensors. So
what is kept of the last one is its number and its text.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakSet

from graphscope.errors import GraphscopeError, describe_error
from graphscope.model.trace import Status, Trace

NEEDED: Final = 9
"""The step that an exception ended, and those before it that may play a role."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """What an exception ended: `read` returns the last steps."""

    number: int
    text: str
    read: Callable[[], Sequence[Trace]]


class Recorded(ABC):
    """A recording that is made, as far as an explanation asks for it."""

    @abstractmethod
    def last_steps(self) -> Sequence[Trace]:
        """Return the last steps that are over, of all but the last no numbers."""

    @abstractmethod
    def is_recorded_by(self, recorder: object) -> bool:
        """Whether it is this recorder that makes it."""


_RUNNING: Final[WeakSet[Recorded]] = WeakSet()
_LAST: Final[list[_Ended]] = []


def note_start(recording: Recorded) -> None:
    """Remember that a recording is made, for as long as the user keeps it."""
    _RUNNING.add(recording)


def note_end(error: BaseException, read: Callable[[], Sequence[Trace]]) -> None:
    """Remember that an exception ended a recording whose last steps `read` returns."""
    _LAST[:] = [_Ended(id(error), describe_error(error), read)]


def steps_before(error: BaseException) -> Sequence[Trace]:
    """Return the steps up to that which an exception ended, or was handled in.

    Nothing where it was not recorded.
    """
    text = describe_error(error)
    for ended in _LAST:
        if (ended.number, ended.text) == (id(error), text):
            steps = ended.read()
            return steps if _is_ended_by(steps, text) else ()
    return _running_steps(error)


def trim(steps: Sequence[Trace]) -> Sequence[Trace]:
    """Return the last steps, of all but the last without their numbers."""
    earlier = [
        Trace(trace.graph, trace.step, status=trace.status)
        for trace in steps[-NEEDED:-1]
    ]
    return [*earlier, *steps[-1:]]


def read_last(path: Path) -> Sequence[Trace]:
    """Return the last steps of a file; nothing when it cannot be read."""
    from graphscope.storage.file import open_recording

    try:
        with closing(open_recording(path)) as recording:
            count = len(recording)
            return [recording[i] for i in range(max(count - NEEDED, 0), count)]
    except (GraphscopeError, OSError):
        return ()


def _is_ended_by(steps: Sequence[Trace], text: str) -> bool:
    return (
        bool(steps) and steps[-1].status is Status.ABORTED and steps[-1].error == text
    )


def _running_steps(error: BaseException) -> Sequence[Trace]:
    """Return the steps of the recording that runs, the last as if `error` ended it."""
    capture = sys.modules.get("graphscope.capture.recorder")
    recorder = None if capture is None else capture.running_recorder()
    if recorder is None:
        return ()
    known = [run for run in _RUNNING if run.is_recorded_by(recorder)]
    earlier = known[0].last_steps() if known else ()
    return [*earlier, recorder.snapshot(error)]
