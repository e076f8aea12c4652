"""A script that trains in a process of its own, and a debugger that a test drives."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from graphscope.debugger.control import ControlClient, SessionInfo, list_sessions
from graphscope.debugger.state import Activity, ProcessState, SeatState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from graphscope.model.trace import Trace
from graphscope.storage.file import open_recording
from tests.waiting import DEADLINE_S, wait_for

ROOT = Path(__file__).parents[2]

_RUN = (
    "import sys; from pathlib import Path;"
    "from graphscope.session.live_options import LiveOptions;"
    "from graphscope.session.script import run_script;"
    "from graphscope.session.target import ScriptTarget;"
    "live = LiveOptions(**eval(sys.argv[3]));"
    "run_script(ScriptTarget(sys.argv[1]), Path(sys.argv[2]), live=live)"
)


class Driver:
    """A debugger without a screen, attached to one process."""

    def __init__(self, process: subprocess.Popen[str], found: SessionInfo) -> None:
        self.process = process
        self.lost = ""
        self.states: list[ProcessState] = []
        self.client = ControlClient(
            found, on_state=self.states.append, on_lost=self._note_lost
        )

    def _note_lost(self, why: str) -> None:
        self.lost = why

    @property
    def state(self) -> ProcessState:
        """What was told last: the client knows a state a moment before it tells it."""
        return self.states[-1] if self.states else self.client.state

    def seat(self, number: int = 0) -> SeatState:
        return self.state.seats[number]

    def paused(self, seat: int = 0) -> SeatState:
        """Wait until a thread is held; return where."""

        def is_held() -> SeatState | None:
            seats = self.state.seats
            is_there = len(seats) > seat
            is_paused = is_there and seats[seat].activity is Activity.PAUSED
            return seats[seat] if is_paused else None

        return wait_for(is_held, lambda: (self.state, self.lost))

    def send(self, verb: Verb, seat: int | None = 0, text: str = "") -> str:
        return self.client.send(Command(verb, seat, text))

    def move(self, verb: Verb, seat: int = 0, text: str = "") -> SeatState:
        """Let a held thread go on; return where it is held next."""
        known = len(self.states)
        self.send(verb, seat, text)

        def has_gone_on() -> bool:
            told = self.states[known:]
            return any(s.seats[seat].activity is not Activity.PAUSED for s in told)

        def is_over() -> bool:
            # states are told together: a short way may only be seen by its end
            told = self.states[known:]
            before = self.states[known - 1].seats[seat]
            return has_gone_on() or any(s.seats[seat] != before for s in told)

        wait_for(is_over, lambda: self.states[known:])
        return self.paused(seat)

    def trace(self, seat: int = 0, step: int = -1) -> Trace:
        """Read a step from the recording, as another process would."""
        recording = open_recording(Path(self.seat(seat).recording))
        try:
            return recording[step]
        finally:
            recording.close()

    def go(self) -> int:
        """Let everything go on, and return the exit code."""
        try:
            self.send(Verb.DETACH)
        except DebuggerError:
            assert self.process.poll() is not None or self.lost
        return self.ended()

    def ended(self) -> int:
        return self.process.wait(DEADLINE_S)

    def output(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read()


def start(
    folder: Path,
    source: str,
    *,
    live: str = "{'starts_paused': True, 'waits': True}",
    command: Sequence[str] = (),
) -> subprocess.Popen[str]:
    """Start a script in a process of its own; `live` are LiveOptions as a dict."""
    script = folder / "train.py"
    script.write_text(source)
    recording = folder / "train.gscope"
    arguments = command or ["-c", _RUN, "train.py", str(recording), live]
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def find(process: subprocess.Popen[str]) -> SessionInfo:
    """Wait until the process can be attached to."""

    def search() -> SessionInfo | None:
        assert process.poll() is None, process.stdout and process.stdout.read()
        return next((s for s in list_sessions() if s.pid == process.pid), None)

    return wait_for(search)


@contextmanager
def driven(
    folder: Path,
    source: str,
    *,
    live: str = "{'starts_paused': True, 'waits': True}",
    command: Sequence[str] = (),
) -> Iterator[Driver]:
    """Start a script and attach to it; whatever is left of it is killed at the end."""
    process = start(folder, source, live=live, command=command)
    driver = None
    try:
        driver = Driver(process, find(process))
        yield driver
    finally:
        if driver is not None:
            driver.client.close()
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def private_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep sockets and saved breakpoints of a test to the test."""
    monkeypatch.setenv("GRAPHSCOPE_RUNTIME_DIR", str(tmp_path / "r"))
    monkeypatch.setenv("GRAPHSCOPE_STATE_DIR", str(tmp_path / "s"))
