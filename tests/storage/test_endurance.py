"""A small, fixed slice of the long runs: kills with -9, and interrupts.

Each runs in a process of its own, which forks: autograd does not run in children of a
process in which it ran. The mutations' slice is in `test_damage`.
"""

import os
import subprocess
import sys

from tests.storage.scripts import ROOT


def run(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    return done.stdout


def test_kill_9_costs_little_and_leaves_no_wrong_step() -> None:
    # Eight paces. How late the newest step may be is measured by the long run alone:
    # a busy machine may stop the whole process for longer than that.
    out = run("tests.storage.kills", "--count", "8", "--limit-ms", "2000")
    assert "8 kills, 0 lost more than the last 2000 ms" in out


def test_kill_9_at_any_moment_of_a_pause_keeps_what_was_shown() -> None:
    out = run("tests.storage.pauses", "--count", "25", "--limit-ms", "2000")
    assert "25 kills, 0 lost more than 2000 ms" in out


def test_interrupts_leave_nothing_behind() -> None:
    out = run("tests.storage.interrupts", "--count", "12", "--seed", "5")
    assert "12 interrupts, 0 things wrong" in out
