"""Training that a test moves by hand: a fake link with a real recording."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from graphscope.debugger.state import Activity, BreakpointState, ProcessState, SeatState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from graphscope.model.graph import EventKind
from graphscope.model.trace import Trace
from graphscope.storage.create import create_file
from graphscope.storage.sink import Sink
from tests.drafts import cut_short
from tests.samples import logistic_traces

STEPS = 10


class FakeTraining:
    """One recorded thread of a process, which stands still until it is told to move.

    It behaves as a debugged process does: writes the step in which it is paused as a
    draft, then tells its state.
    """

    def __init__(
        self, path: Path, *, pid: int = 100, rank: str = "", thread: str = "MainThread"
    ) -> None:
        create_file(path, {})
        self.path = path
        self.traces = logistic_traces(STEPS)
        self.commands: list[Command] = []
        self.refusals: dict[Verb, str] = {}
        self._is_written = 0
        self._listeners: list[Callable[[ProcessState], None]] = []
        self._losers: list[Callable[[str], None]] = []
        self.links: list[FakeLink] = []
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(1)
        self._file: Sink | None = None
        self.seat = SeatState(0, thread, str(path))
        self.state = ProcessState(pid, "train.py", rank, seats=(self.seat,))

    def listen(
        self, on_state: Callable[[ProcessState], None], on_lost: Callable[[str], None]
    ) -> None:
        self._listeners.append(on_state)
        self._losers.append(on_lost)

    def pause(
        self, step: int, event: int, *, reason: str = "step", is_before: bool = False
    ) -> None:
        """Be paused at an event, everything before it written."""
        self._write(step)
        draft = cut_short(self.traces[step], event + 1, is_before=is_before)
        self._sink(lambda sink: sink.write(draft, is_draft=True))
        self.tell(
            activity=Activity.PAUSED,
            step=step,
            event=event,
            reason=reason,
            is_before=is_before,
        )

    def run_to(self, step: int) -> None:
        """Run, and be in step number `step`."""
        self._write(step)
        self.tell(activity=Activity.RUNNING, step=step, event=-1, reason="")

    def end(self, ending: str = "exit code 0", *, last: Trace | None = None) -> None:
        """End, with an exception where `last` is the step that it ended."""
        if last is not None:
            self.write_last(last)
        self.seat = replace(self.seat, activity=Activity.ENDED)
        self.state = replace(self.state, ending=ending, is_failed=last is not None)
        self.tell()

    def write_last(self, last: Trace) -> None:
        """Write the step that an exception has ended; nobody is told."""
        self._write(last.step)
        self._sink(lambda sink: sink.write(last))

    def tell(self, **changes: Any) -> None:
        """Change the seat's state and tell everybody."""
        self.seat = replace(self.seat, **changes)
        self.update(seats=(self.seat, *self.state.seats[1:]))

    def update(self, **changes: Any) -> None:
        """Change the process's state and tell everybody."""
        self.state = replace(self.state, **changes)
        for listener in self._listeners:
            listener(self.state)

    def lose(self, reason: str) -> None:
        """Break the connection."""
        for loser in self._losers:
            loser(reason)

    def receive(self, command: Command) -> str:
        """Take a command: a few have an effect, all others are only noted."""
        with self._lock:
            self.commands.append(command)
        if command.verb in self.refusals:
            raise DebuggerError(self.refusals[command.verb])
        if command.verb is Verb.STEP:
            self._step()
        elif command.verb is Verb.CONTINUE:
            self.run_to(self.seat.step + 1)
        elif command.verb is Verb.ADD:
            number = len(self.state.breakpoints) + 1
            added = BreakpointState(number, command.text)
            self.update(breakpoints=(*self.state.breakpoints, added))
        elif command.verb is Verb.DISABLE:
            self.update(
                breakpoints=tuple(
                    replace(b, is_enabled=b.is_enabled and b.number != command.number)
                    for b in self.state.breakpoints
                )
            )
        return ""

    def _step(self) -> None:
        step, event = self.seat.step, self.seat.event + 1
        events = self.traces[step].graph.events
        if event == len(events):
            step, event = step + 1, 0
        kind = self.traces[step].graph.events[event].kind
        self.pause(step, event, is_before=kind is EventKind.GRAD)

    def _write(self, until: int) -> None:
        for trace in self.traces[self._is_written : until]:
            self._sink(partial(Sink.write, trace=trace))
        self._is_written = max(self._is_written, until)

    def _sink(self, use: Callable[[Sink], object]) -> None:
        """Write on a thread of its own, as SQLite wants it and a writer does."""

        def write() -> None:
            if self._file is None:
                self._file = Sink(self.path)
            use(self._file)
            self._file.commit()

        self._pool.submit(write).result()

    def close(self) -> None:
        """End the recording."""

        def finish() -> None:
            if self._file is not None:
                self._file.finish(error="", dropped=0)

        self._pool.submit(finish).result()
        self._pool.shutdown()


class FakeLink:
    """A link to a fake training."""

    def __init__(self, training: FakeTraining, *, is_controller: bool) -> None:
        self._training = training
        self.is_controller = is_controller

    @property
    def state(self) -> ProcessState:
        return self._training.state

    def send(self, command: Command) -> str:
        return self._training.receive(command)

    def close(self) -> None:
        """Go; nobody asks for more."""


class FakeSource:
    """The processes of a launch; tests add some later."""

    def __init__(
        self, trainings: Iterable[FakeTraining], *, is_controller: bool = True
    ) -> None:
        self.trainings = list(trainings)
        self.is_controller = is_controller

    def find(self) -> Sequence[str]:
        return [str(training.path) for training in self.trainings]

    def connect(
        self,
        key: str,
        *,
        on_state: Callable[[ProcessState], None],
        on_lost: Callable[[str], None],
    ) -> FakeLink:
        training = next(t for t in self.trainings if str(t.path) == key)
        training.listen(on_state, on_lost)
        link = FakeLink(training, is_controller=self.is_controller)
        training.links.append(link)
        return link


class FakeChild:
    """A process that ends when a test says so."""

    def __init__(self) -> None:
        self.pid = 100
        self.code: int | None = None
        self.told = 0  # how often it has said how it ended

    def poll(self) -> int | None:
        return self.code

    def describe_end(self) -> str:
        if self.code is None:
            return ""
        self.told += 1
        return f"exit code {self.code}"
