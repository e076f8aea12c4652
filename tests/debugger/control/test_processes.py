"""A process that runs, one that has ended, and one that has its number now."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.debugger.control import processes
from graphscope.debugger.control.processes import find_start, is_running
from tests.waiting import wait_for


def test_a_process_runs_until_it_is_killed_also_when_nobody_asks_how_it_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = find_start(child.pid)
    assert start
    assert is_running(child.pid, start)
    assert is_running(child.pid, "")
    assert not is_running(child.pid, start + "0")
    child.kill()
    wait_for(lambda: not is_running(child.pid, start))
    assert child.stdin
    child.stdin.close()
    child.wait()
    assert find_start(child.pid) is None


def test_a_process_whose_name_looks_like_more_fields_is_read_right() -> None:
    script = "import ctypes; ctypes.CDLL(None).prctl(15, b') Z 1 2 (x', 0, 0, 0); "
    child = subprocess.Popen(
        [sys.executable, "-c", script + "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout
    child.stdout.readline()
    assert (find_start(child.pid) or "").isdecimal()
    child.communicate(b"\n")


def test_without_proc_ps_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PROC", Path("/nowhere"))
    start = find_start(os.getpid())
    assert start is not None
    assert is_running(os.getpid(), start)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert find_start(child.pid) is None
