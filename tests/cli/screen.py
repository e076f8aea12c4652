"""A real terminal that a test types into and reads: tmux, with a server of its own."""

import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DEADLINE_S: Final = 25.0

_LOOK_S: Final = 0.05
_PLACE: Final = re.compile(r"step \d+/\d+ · event \d+/|─ ▶ .*? ─╯")


class Screen:
    """One terminal of `columns` x `rows` that runs one command."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _tmux(self, *words: str) -> str:
        found = subprocess.run(
            ["tmux", "-L", self._name, "-f", "/dev/null", *words],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout

    def open(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        columns: int,
        rows: int,
    ) -> None:
        """Start the command; its exit code stays on the screen when it ends."""
        words = " ".join(f"'{word}'" for word in command)
        # pytest may have told its children another size
        sizes = {"COLUMNS": str(columns), "LINES": str(rows)}
        all_of_it = {**environment, **sizes}
        settings = [f"-e{name}={value}" for name, value in all_of_it.items()]
        size = ["-x", str(columns), "-y", str(rows)]
        shell = f'{words}; echo "ended with $?"; sleep 600'
        self._tmux("new-session", "-d", *size, *settings, "-c", str(folder), shell)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names: `n`, `Enter`, `C-c`."""
        for key in keys:
            self._tmux("send-keys", key)

    def type(self, text: str) -> None:
        """Type a text as it is, and Enter."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def text(self) -> str:
        """Return what is on the screen."""
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *texts: str, but_not: str = "") -> str:
        """Wait until all of `texts` are on the screen, and return it."""
        until = time.monotonic() + DEADLINE_S
        while True:
            screen = self.text()
            is_there = all(text in screen for text in texts)
            if is_there and not (but_not and but_not in screen):
                return screen
            assert time.monotonic() < until, f"{texts} are not on this:\n{screen}"
            time.sleep(_LOOK_S)

    def change(self, *keys: str) -> str:
        """Press keys and wait until the screen is another one; return it."""
        before = self.text()
        self.press(*keys)
        until = time.monotonic() + DEADLINE_S
        while self.text() == before:
            assert time.monotonic() < until, f"{keys} changed nothing:\n{before}"
            time.sleep(_LOOK_S)
        return self.text()

    def step(self, key: str, held: str = "⏸ paused") -> str:
        """Press a key that lets training go on; return the screen when it is held.

        Another screen is not enough: curves and the lines of other threads change too.
        """
        before = _place_of(self.text())
        self.press(key)
        until = time.monotonic() + DEADLINE_S
        while True:
            screen = self.text()
            is_held = held in screen and "NOW" in screen
            if is_held and _place_of(screen) != before:
                return screen
            assert time.monotonic() < until, f"{key} led nowhere:\n{screen}"
            time.sleep(_LOOK_S)

    def children(self) -> list[int]:
        """Return the processes that the terminal's shell runs."""
        return children_of(self.process())

    def process(self) -> int:
        """Return the process id of the terminal's shell."""
        return int(self._tmux("display-message", "-p", "#{pane_pid}"))

    def close(self) -> None:
        """End everything that runs in the terminal."""
        self._tmux("kill-server")


def _place_of(screen: str) -> list[str]:
    """Return what the screen says of the step and event that are shown."""
    return _PLACE.findall(screen)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


@contextmanager
def terminal(
    folder: Path, *arguments: str, columns: int = 120, rows: int = 40
) -> Iterator[Screen]:
    """Run `graphscope ARGUMENTS` in a terminal of its own."""
    screen = Screen(f"graphscope-{uuid.uuid4().hex[:12]}")
    environment = {
        "PYTHONPATH": str(ROOT),
        "GRAPHSCOPE_RUNTIME_DIR": str(folder / "r"),
        "GRAPHSCOPE_STATE_DIR": str(folder / "s"),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
    command = [sys.executable, "-m", "graphscope", *arguments]
    try:
        screen.open(command, folder, environment, columns=columns, rows=rows)
        yield screen
    finally:
        screen.close()
