"""Asking for a debugger in code, where there is none, or where it cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import graphscope as gs
from graphscope.errors import RecordingError
from tests.session.driving import private_places  # noqa: F401 - a fixture

OFF = """
import sys, threading, os
import graphscope as gs

before = set(os.listdir("/proc/self/fd"))
for _ in range(1000):
    gs.breakpoint()
    gs.breakpoint(when="this is no condition (")
print(threading.active_count(), set(os.listdir("/proc/self/fd")) == before)
print(sorted({"torch", "textual", "socket", "simpleeval"} & set(sys.modules)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_without_a_debugger_a_breakpoint_is_no_thread_no_socket_and_no_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFF], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["1 True", "[]"]


def test_a_breakpoint_in_a_recording_without_a_debugger_does_nothing() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        loss = w**2
        gs.breakpoint()
        loss.backward()
    assert t["w"].grad == 4.0


def test_serve_refuses_a_file_that_no_debugger_has_made(tmp_path: Path) -> None:
    path = tmp_path / "mine.gscope"
    with gs.record(path):
        torch.ones(2).sum()
    before = path.read_bytes()

    with pytest.raises(RecordingError, match="exists already"):
        gs.serve(path)

    assert path.read_bytes() == before


def test_serve_is_a_recording_until_it_is_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "served.gscope"
    with gs.serve(path) as run:
        assert gs.serve(tmp_path / "other.gscope") is run  # one is enough
        w = torch.tensor(2.0, requires_grad=True)
        loss = w**2
        loss.backward()

    assert gs.load(path)[0]["w"].grad == 4.0
    assert not (tmp_path / "other.gscope").exists()
    assert "graphscope attach" in capsys.readouterr().err
    # Two more of it: the socket and its thread went with the first.
    for number in range(2):
        with gs.serve(tmp_path / f"{number}.gscope"):
            torch.ones(2).sum()
