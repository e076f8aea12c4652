"""Opening a recording of 1,000 steps, and moving in it, on a real pseudo-terminal."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.bench.clock import Times

_ROOT: Final = Path(__file__).parents[2]
_MOVES = {"next event": b"n", "previous event": b"p", "next step": b"N", "jump": b"b"}
_QUIET_S = 0.08
_GAP_S = 0.008
_PATIENCE_S = 20.0


class Terminal:
    """A command of graphscope's on a pseudo-terminal of `columns` x `rows`."""

    def __init__(
        self,
        arguments: Sequence[str],
        columns: int,
        rows: int,
        *,
        folder: Path | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "graphscope", *arguments],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(_ROOT)},
        )
        os.close(slave)

    def wait_for(self, *texts: bytes) -> float:
        """Read until all `texts` were drawn; return when, on the performance clock."""

        def has_all(seen: bytes) -> bool:
            return all(text in seen for text in texts)

        return self._read_until(has_all)[0]

    def time_until(
        self, key: bytes, has_come: Callable[[bytes], bool]
    ) -> tuple[float, bytes]:
        """Press a key; return the seconds until what was drawn since has what counts.

        With all that is drawn with it, until nothing comes for 8 ms; and what it is.
        """
        start = time.perf_counter()
        os.write(self._master, key)
        end, seen = self._read_until(has_come)
        while chunk := self._read(_GAP_S):
            end, seen = time.perf_counter(), seen + chunk
        return end - start, seen

    def rest(self, seconds: float) -> None:
        """Look at the screen for a while."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self._read(left)

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self._master, key)

    def _read_until(self, has_come: Callable[[bytes], bool]) -> tuple[float, bytes]:
        seen = b""
        while not has_come(seen):
            chunk = self._read(_PATIENCE_S)
            if not chunk:
                raise RuntimeError(f"no screen within {_PATIENCE_S} s: {seen[-400:]!r}")
            seen += chunk
        return time.perf_counter(), seen

    def time_key(self, key: bytes) -> tuple[float, float]:
        """Press a key; return the seconds until the redraw, and until all is settled.

        The redraw ends when nothing comes for 8 ms; what comes later are the curves
        over all steps, which a worker reads.
        """
        start = drawn = last = time.perf_counter()
        os.write(self._master, key)
        while self._read(_QUIET_S if last > start else _PATIENCE_S):
            now = time.perf_counter()
            is_first_burst = drawn == start or (drawn == last and now - last < _GAP_S)
            drawn, last = (now, now) if is_first_burst else (drawn, now)
        return drawn - start, last - start

    def settle(self) -> None:
        """Read until nothing is drawn any more."""
        while self._read(0.5):
            pass

    def close(self) -> None:
        """Quit."""
        self.leave(b"q")

    def leave(self, key: bytes) -> None:
        """Press the key that ends it; read on, or a full pipe would keep it."""
        os.write(self._master, key)
        while self._process.poll() is None:
            self._read(0.05)
        os.close(self._master)

    def _read(self, patience_s: float) -> bytes:
        ready, _, _ = select.select([self._master], [], [], patience_s)
        if not ready:
            return b""
        try:
            return os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return b""


def measure_interface(recording: Path) -> None:
    """Print how long the terminal UI takes to open and to move."""
    print("\nterminal UI over 1,000 steps of the 4-sample regression")
    opened = []
    for _ in range(7):
        terminal = Terminal(["view", str(recording)], 120, 40)
        opened.append(terminal.wait_for(b"loss", b"update") - terminal.started)
        terminal.close()
    print(f"  process start to first screen, 120x40  {Times(opened).in_ms()}")
    for columns, rows in ((120, 40), (80, 24)):
        for name, pairs in _time_moves(recording, columns, rows).items():
            drawn = Times([pair[0] for pair in pairs])
            settled = Times([pair[1] for pair in pairs])
            print(f"  {name:15} to redrawn, {columns:3}x{rows}     {drawn.in_ms()}")
            print(f"  {name:15} to settled, {columns:3}x{rows}     {settled.in_ms()}")


def _time_moves(
    recording: Path, columns: int, rows: int
) -> dict[str, list[tuple[float, float]]]:
    terminal = Terminal(["view", str(recording)], columns, rows)
    terminal.wait_for(b"loss", b"update")
    terminal.settle()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _MOVES}
    for _ in range(30):
        for name, key in _MOVES.items():
            found[name].append(terminal.time_key(key))
    terminal.close()
    return found
