"""Training in processes of its own, debugged from others; nothing of it stays behind.

The output of a run is compared with that of plain python: it tells all bits of weights,
optimizer and random numbers every 50 steps, and every run ends after one of those.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final
from unittest.mock import patch

from graphscope.debugger.control import ControlClient, SessionInfo, list_sessions
from graphscope.debugger.state import Activity, ProcessState, SeatState
from graphscope.debugger.verbs import Command, Verb
from tests.waiting import DEADLINE_S, wait_for

ROOT: Final = Path(__file__).parents[2]
GRAPHSCOPE: Final = (sys.executable, "-m", "graphscope")

TRAIN: Final = '''\
"""Train until there is a file `enough`, or for as many steps as the argument says."""

import hashlib, os, sys
import torch
from torch import nn

def bits():
    tensors = [*model.state_dict().values(), torch.get_rng_state()]
    for state in optimizer.state_dict()["state"].values():
        tensors += state.values()
    data = b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)
    return hashlib.sha256(data).hexdigest()

torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
heart = os.open("heart", os.O_RDWR | os.O_CREAT)
limit, step = int(sys.argv[1]), 0
while not limit or step < limit:
    x = torch.randn(16, 4)
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    step += 1
    os.pwrite(heart, step.to_bytes(8, "little"), 0)
    if step % 50 == 0:
        print(f"step {step}: {bits()}")
        if not limit and os.path.exists("enough"):
            break
print("trained")
'''


class Folder:
    """A folder with a script, and with the runtime directory of its processes."""

    def __init__(self, path: Path, source: str = TRAIN) -> None:
        self.path = path
        (path / "train.py").write_text(source)
        self._started: list[subprocess.Popen[bytes]] = []
        own = {"GRAPHSCOPE_RUNTIME_DIR": path / "r", "GRAPHSCOPE_STATE_DIR": path / "s"}
        self._own = {name: str(value) for name, value in own.items()}

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self._own, "PYTHONPATH": str(ROOT)}

    def start(self, *command: str, log: str = "log") -> subprocess.Popen[bytes]:
        """Start a process whose stdout and stderr go to one file, of its own session.

        It is the leader of a process group, as what a shell starts in a terminal.
        """
        (self.path / log).write_bytes(b"")
        with (self.path / log).open("ab") as file:  # several may write to it
            started = subprocess.Popen(
                command,
                cwd=self.path,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self._started.append(started)
        return started

    def read(self, log: str = "log") -> str:
        """Return what a process has printed so far."""
        path = self.path / log
        return path.read_text() if path.exists() else ""

    def lines(self, log: str = "log") -> list[str]:
        """Return what the script has printed, without what graphscope says."""
        said = ("graphscope: ", "Recorded ")
        lines = self.read(log).splitlines()
        return [line for line in lines if not line.startswith(said)]

    def wait_for_text(self, wanted: str, log: str = "log") -> str:
        """Wait until a process has printed something; return all of it."""

        def look() -> str:
            text = self.read(log)
            return text if wanted in text else ""

        return wait_for(look, lambda: f"{wanted!r} is not in: {self.read(log)}")

    @property
    def steps(self) -> int:
        """How many steps the script has trained."""
        path = self.path / "heart"
        return int.from_bytes(path.read_bytes(), "little") if path.exists() else 0

    def trains_on(self, steps: int = 3) -> int:
        """Wait until the script has trained some more."""
        before = self.steps

        def look() -> int:
            now = self.steps
            return now if now >= before + steps else 0

        return wait_for(
            look, lambda: f"it stands still at step {before}: {self.read()}"
        )

    def end(self) -> None:
        """Let the script come to its end."""
        (self.path / "enough").touch()

    def sessions(self) -> list[SessionInfo]:
        """List what can be attached to in this folder."""
        with patch.dict(os.environ, self._own):
            return [
                info
                for info in list_sessions()
                if info.folder.is_relative_to(self.path / "r")
            ]

    def find(self, pid: int = 0) -> SessionInfo:
        """Wait until a process, or the only one, can be attached to."""

        def search() -> SessionInfo | None:
            return next((s for s in self.sessions() if pid in {0, s.pid}), None)

        return wait_for(search, self.read)

    def left(self) -> list[int]:
        """Return the processes that were started with this folder and still run."""
        mark = f"GRAPHSCOPE_RUNTIME_DIR={self.path}/r".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return [pid for pid in found if pid != os.getpid()]

    def clear(self) -> None:
        """Kill whatever is left of the processes."""
        for pid in self.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.wait(DEADLINE_S)


@contextmanager
def folder(source: str = TRAIN) -> Iterator[Folder]:
    """Make a folder; its name is short, because a socket's has 107 bytes at most."""
    path = Path(tempfile.mkdtemp(prefix="gs-"))
    found = Folder(path, source)
    try:
        yield found
    finally:
        found.clear()
        shutil.rmtree(path, ignore_errors=True)


class Driver:
    """A debugger without a screen, attached to one process."""

    def __init__(self, found: SessionInfo, *, wants_control: bool = True) -> None:
        self.lost = ""
        self.client = ControlClient(
            found,
            on_state=lambda _: None,
            on_lost=self._note_lost,
            wants_control=wants_control,
        )

    def _note_lost(self, why: str) -> None:
        self.lost = why

    @property
    def state(self) -> ProcessState:
        return self.client.state

    @property
    def seat(self) -> SeatState:
        """The main thread."""
        return self.state.seats[0]

    def send(self, verb: Verb, seat: int | None = 0, text: str = "") -> str:
        return self.client.send(Command(verb, seat, text))

    def wait_for(self, wanted: Callable[[SeatState], bool], seat: int = 0) -> SeatState:
        """Wait until a thread is as `wanted`; return it."""

        def look() -> SeatState | None:
            seats = self.state.seats
            is_there = len(seats) > seat and wanted(seats[seat])
            return seats[seat] if is_there else None

        return wait_for(look, lambda: (self.state, self.lost))

    def paused(self, seat: int = 0) -> SeatState:
        """Wait until a thread is held; return where."""
        return self.wait_for(lambda s: s.activity is Activity.PAUSED, seat)

    def close(self) -> None:
        self.client.close()


@contextmanager
def attached(found: SessionInfo, *, wants_control: bool = True) -> Iterator[Driver]:
    """Attach to a process, for a while."""
    with closing(Driver(found, wants_control=wants_control)) as driver:
        yield driver


def train_plainly(place: Folder, steps: int | str) -> list[str]:
    """Return what plain python prints for so many steps."""
    command = [sys.executable, "train.py", str(steps)]
    done = subprocess.run(
        command,
        cwd=place.path,
        env=place.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def steps_of(lines: Sequence[str]) -> int:
    """Return how many steps a script had trained when it printed its last line."""
    return int(lines[-2].split()[1].rstrip(":"))


def is_same_training(lines: Sequence[str], plain: Sequence[str]) -> bool:
    """Whether a run that has ended printed what plain python prints up to there."""
    *steps, last = lines
    return len(steps) > 0 and last == "trained" and steps == list(plain[: len(steps)])
