"""With a terminal, `view` and `demo` open the interface, and `q` ends it."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import ROOT

DEADLINE_S = 60.0


def read_until(terminal: int, wanted: bytes) -> bytes:
    """Read what is drawn until `wanted` is in it."""
    drawn = b""
    while wanted not in drawn:
        ready, _, _ = select.select([terminal], [], [], DEADLINE_S)
        assert ready, f"{wanted!r} was never drawn, but {drawn[-2000:]!r}"
        drawn += os.read(terminal, 65536)
    return drawn


def open_and_quit(folder: Path, *arguments: str, wanted: bytes) -> int:
    """Run `graphscope …` in a terminal, wait for `wanted`, press q."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "graphscope", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        | {"COLUMNS": "120", "LINES": "40"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    try:
        read_until(terminal, wanted)
        os.write(terminal, b"q")
        _drain(terminal)
        return process.wait(timeout=DEADLINE_S)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # Linux says so when the other end is closed
        return


def test_view_opens_a_recording_in_the_terminal(recording: Path) -> None:
    assert open_and_quit(recording.parent, "view", recording.name, wanted=b"w_1") == 0


def test_demo_opens_its_recording_and_leaves_nothing_behind(tmp_path: Path) -> None:
    assert open_and_quit(tmp_path, "demo", "autograd-z14", wanted=b"3 * y") == 0
    assert list(tmp_path.iterdir()) == []
