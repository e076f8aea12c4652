"""A recording that can be paused: recorder, file, debugger and control server.

Each thread that trains has a seat in the debugger and a recording of its own.
"""

import atexit
import os
import re
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from threading import Lock, current_thread, get_ident
from types import TracebackType
from typing import Any, Final, Self

from graphscope.debugger.control import ControlServer, open_endpoint
from graphscope.debugger.controller import BY_HAND, Debugger
from graphscope.debugger.expressions import parse_expression
from graphscope.debugger.recorded import RecordedArrival
from graphscope.debugger.seat import Seat
from graphscope.errors import GraphscopeError, describe_error
from graphscope.model.trace import Trace
from graphscope.session.live_options import LiveOptions
from graphscope.session.pausing import is_live_recording
from graphscope.session.ranks import describe_rank, path_of_rank
from graphscope.session.runs import RecordingRun

STOPPED_CODE: Final = 3
"""Exit code of a run that `--until` has ended."""
INTERRUPTED_CODE: Final = 130
"""Exit code of a run that somebody has stopped, as a shell says it of Ctrl-C."""

_PATIENCE_S: Final = 30.0
_LAST_S: Final = 2.0  # for a daemon thread that the end of the process finds held
_LONGEST: Final = 60  # of a thread's name in a file's


class SeatRun(RecordingRun):
    """The recording of one thread, which a seat of the debugger may hold.

    Attributes:
        ident: Number of the recorded thread.
    """

    def __init__(
        self,
        path: Path,
        options: Mapping[str, Any],
        seat: Seat,
        note_step: Callable[[Trace], None],
    ) -> None:
        super().__init__(path, (), options)
        self.seat = seat
        self.ident = get_ident()
        self._gate = seat
        self._note_step = note_step

    def __enter__(self) -> Self:
        """Create the file and start capturing; the seat is told first."""
        self.seat.begin(self)
        return super().__enter__()

    @property
    def file(self) -> str:
        """Absolute path of the recording; it is known before there is a file."""
        return str(path_of_rank(self.path).absolute())

    def show(self) -> Trace:
        """Write the running step to the file as far as it got, and return it."""
        if self._recorder is None or self._writer is None:
            raise GraphscopeError("The thread is not recorded any more.")
        trace = self._recorder.snapshot()
        self._writer.show(trace)
        return trace

    def is_true(self, condition: str) -> bool:
        """Whether `condition` holds for what the thread has recorded by now.

        Raises:
            DebuggerError: It is no condition.
        """
        parsed = parse_expression(condition)
        trace = self._recorder.snapshot() if self._recorder is not None else None
        if trace is None or not trace.graph.events:
            return False
        return parsed.holds(RecordedArrival(trace, len(trace.graph.events) - 1))

    def end(self, error: BaseException) -> None:
        """End the recording because of `error`, unless it is a plain exit.

        Training that was stopped is in the middle of a step: then why is written down.
        """
        from graphscope.capture.gate import StopTraining

        if isinstance(error, StopTraining):
            self._error = self._error or error.note
            self._stop(error)
        else:
            super().end(error)

    def place(self) -> tuple[int, int]:
        """Return the running step and how many events it has; from any thread."""
        return self._recorder.place() if self._recorder is not None else (0, 0)

    def _add(self, trace: Trace) -> None:
        super()._add(trace)
        self._note_step(trace)


class LiveRun:
    """A run that a debugger can attach to, from enter to exit.

    Attributes:
        awaits_threads: Whether its end is that of the script, whose threads may begin
            to train after it.

    Raises:
        RecordingError: The file exists, or cannot be written.
        DebuggerError: A breakpoint of `live` is none, or there is no place for a
            socket.
    """

    def __init__(
        self, path: Path, options: Mapping[str, Any], live: LiveOptions
    ) -> None:
        from graphscope.capture.gate import StopTraining

        environment = dict(options.get("environment", {}))
        script = environment.get("script") or sys.argv[0]
        self.debugger = Debugger(
            script,
            os.getpid(),
            resume_after_s=live.resume_after_s,
            rank=describe_rank().get("rank", ""),
            make_stop=lambda: StopTraining(self._stop_code(), self._stop_note()),
        )
        for text in live.breakpoints:
            self.debugger.add_breakpoint(text)
        if live.until:
            self.debugger.add_breakpoint(live.until, is_once=True, stops=live.stops)
        self._live = live
        self._options = {**options, "environment": {**environment, "live": "yes"}}
        self._pid = os.getpid()
        self._server: ControlServer | None = None
        self._threads: Any = None
        self._ending, self._is_failed = "the script has ended", False
        self.thread_paths: list[Path] = []
        self._lock = Lock()
        self._is_main_over = self.awaits_threads = False
        self._seats: dict[int, SeatRun] = {}
        self.main = SeatRun(
            path,
            self._options,
            self.debugger.add_seat(
                current_thread().name, starts_paused=live.starts_paused
            ),
            self.debugger.note_step,
        )

    @property
    def path(self) -> Path:
        """The recording of the main thread."""
        return self.main.path

    @property
    def is_of_this_process(self) -> bool:
        """Whether it was begun here, and not in the process that forked this one."""
        return os.getpid() == self._pid

    def _stop_note(self) -> str:
        stopped = self.debugger.stopped
        return f"stopped {stopped}" if stopped == BY_HAND else f"stopped: {stopped}"

    def _stop_code(self) -> int:
        is_until = self._live.stops and self.debugger.stopped == self._live.until
        return STOPPED_CODE if is_until else INTERRUPTED_CODE

    def __enter__(self) -> Self:
        """Open the control socket, and start recording on this thread."""
        if self._server is not None:
            return self  # `serve` has begun it
        from graphscope.capture.threads import ThreadWatch

        endpoint = open_endpoint(
            script=self.debugger.state.script,
            recording=self.main.file,
            rank=self.debugger.state.rank,
        )
        self._server = ControlServer(
            endpoint,
            state=lambda: self.debugger.state,
            execute=self.debugger.execute,
            on_control=self.debugger.note_control,
            on_tick=self.debugger.look,
        )
        _RUNNING.append(self)
        try:
            self._server.start()
            self.debugger.tell = self._server.publish
            self.main.__enter__()
            self._seats[self.main.ident] = self.main
            self._threads = ThreadWatch(self._begin_thread)
            self._threads.attach()
            if self._live.waits:
                self.debugger.wait_for_controller(
                    _PATIENCE_S, is_expected=self._is_interface_there
                )
        except BaseException as problem:
            self.__exit__(type(problem), problem, None)
            raise
        return self

    def _is_interface_there(self) -> bool:
        """Whether who has started this process may still attach to it."""
        is_known = self._live.interface_pid and os.name != "nt"
        return not is_known or os.getppid() == self._live.interface_pid

    def _begin_thread(self, name: str) -> "SeatHandle":
        with self._lock:
            path = _path_of_thread(self.main.path, name, self.thread_paths)
            self.thread_paths.append(path)
        options = {**self._options, "overwrite": True}
        seat = self.debugger.add_seat(name)
        run = SeatRun(path, options, seat, self.debugger.note_step)
        run.__enter__()
        self._seats[run.ident] = run
        return SeatHandle(run, self._end_thread)

    def find_seat(self) -> SeatRun | None:
        """Return the recording of the thread that asks, None when it has none."""
        return self._seats.get(get_ident())

    def end(self, error: BaseException) -> None:
        """End the recording because of `error`, unless it is a plain exit."""
        from graphscope.capture.gate import StopTraining

        if isinstance(error, StopTraining):
            self._ending = error.note
        elif isinstance(error, SystemExit):
            code = 0 if error.code is None else error.code
            self._ending = f"exit code {code if isinstance(code, int) else 1}"
        else:
            self._ending = describe_error(error)
            self._is_failed = True
        self.main.end(error)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop recording this thread and close its file; an exception passes through.

        Other threads that train go on until they end, and the socket with them.
        """
        if not self.is_of_this_process:
            return  # a forked child: all of it is the parent's
        try:
            if error is not None:
                self.end(error)
            self.main.__exit__(kind, error, trace)
        finally:
            self.main.seat.end()
            self._seats.pop(self.main.ident, None)
            self._is_main_over = True
            if self._is_needed():
                atexit.register(self._finish)
            else:
                self._finish()

    def _finish(self) -> None:
        """Close what is left: threads that still train, at exit, and the socket."""
        if not self.is_of_this_process or self not in _RUNNING:
            return
        _RUNNING.remove(self)
        if self._threads is not None:
            self._threads.detach()
            self._threads.end_all()
        held = [i for i, run in list(self._seats.items()) if run.seat.is_held]
        self.debugger.end(self._ending, is_failed=self._is_failed)
        _let_finish(held)
        if self._server is not None:
            self._server.close()

    def _end_thread(self, run: "SeatRun") -> None:
        self._seats.pop(run.ident, None)
        run.seat.end()
        if self._is_main_over and not self._is_needed():
            self._finish()

    def _is_needed(self) -> bool:
        """Whether a thread trains, or may begin to before the process ends."""
        return bool(self._seats) or (self.awaits_threads and _has_other_threads())

    def close(self) -> None:
        """End the run that `gs.serve()` began, because the program ends or asks."""
        self.__exit__(None, getattr(sys, "last_value", None), None)


def _has_other_threads() -> bool:
    """Whether python will wait for threads before it ends the process."""
    known = {threading.main_thread(), current_thread()}
    return any(not t.daemon for t in threading.enumerate() if t not in known)


def _let_finish(held: list[int]) -> None:
    """Give daemon threads some of the time back that they were held for.

    The interpreter ends them wherever they are, and in the middle of torch that aborts
    the process; without us they might have come to their end before.
    """
    for thread in threading.enumerate():
        if thread.ident in held:
            thread.join(_LAST_S)


class SeatHandle:
    """What ends the recording of a thread, when the thread ends."""

    def __init__(self, run: SeatRun, leave: Callable[[SeatRun], None]) -> None:
        self._run = run
        self._leave = leave

    def end(self, error: BaseException | None) -> None:
        """Close the thread's file and leave its seat."""
        try:
            if error is not None:
                self._run.end(error)
            self._run.__exit__(None, error, None)
        finally:
            self._leave(self._run)


_RUNNING: Final[list[LiveRun]] = []


def running_live() -> LiveRun | None:
    """Return the live run of this process; None in a forked child."""
    found = _RUNNING[-1] if _RUNNING else None
    return found if found is not None and found.is_of_this_process else None


def _path_of_thread(path: Path, name: str, taken: Collection[Path]) -> Path:
    """Return `run.Thread-1.gscope`, and another number where that is taken.

    It is by an earlier thread of that name, and by any file that no live run has made.
    """
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:_LONGEST] or "thread"
    found, number = path.with_name(f"{path.stem}.{word}{path.suffix}"), 2
    while found in taken or (found.exists() and not is_live_recording(found)):
        found = path.with_name(f"{path.stem}.{word}.{number}{path.suffix}")
        number += 1
    return found
