"""Scripts are killed with -9 at random moments: who debugs them says so, and can look.

What each kill costs the recording is measured in `tests.live.script_kills`.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from typing import Final

from graphscope.storage.ending import Ending
from graphscope.storage.file import open_recording
from tests.cli.screen import Screen, children_of, terminal
from tests.live.runs import GRAPHSCOPE, ROOT, Folder, folder
from tests.live.test_killed_debuggers import interfaces
from tests.waiting import wait_for

SEED: Final = 812


def test_a_killed_script_loses_little_and_its_debugger_hears_of_it() -> None:
    # How late the newest step may be is measured by a run by hand: a busy machine may
    # stop the whole process for longer than that.
    command = (sys.executable, "-m", "tests.live.script_kills", "--count", "24")
    done = subprocess.run(
        [*command, "--limit-ms", "2000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "24 kills, 0 lost more than 2000 ms" in done.stdout


def script_of(screen: Screen) -> int:
    """Return the script's process: the child of what runs in the terminal."""

    def look() -> list[int]:
        return [c for pid in screen.children() for c in children_of(pid)]

    [script] = wait_for(look, screen.text)
    return script


def assert_kept(place: Folder) -> None:
    """The recording opens as far as it came, and nothing else is left."""
    with open_recording(place.path / "train.gscope") as recording:
        assert recording.ending is Ending.KILLED
        assert recording.damaged == ()
        assert len(recording) > 0
        assert sum(1 for _ in recording) == len(recording)
    assert place.sessions() == []
    assert list((place.path / "r").iterdir()) == []


def test_an_interface_says_that_its_script_was_killed_and_shows_what_there_is() -> None:
    draw = random.Random(SEED)  # noqa: S311 - moments, not secrets
    options = ((), ("--continue",), (), ("--break", "phase:backward"))
    with interfaces(*options) as opened:
        place, starting = opened[0]
        wait_for((place.path / "train.gscope.log").exists)
        time.sleep(draw.uniform(0, 0.5))
        os.kill(script_of(starting), signal.SIGKILL)
        starting.wait_for("✗ ended: killed by SIGKILL")
        opened[1][1].wait_for("▶ running · step ")
        opened[1][0].trains_on(60)
        opened[2][1].wait_for("⏸ paused")
        opened[2][1].press("S", "Space", "Space")
        opened[3][1].wait_for("⏸ paused · breakpoint 1: phase:backward")
        for place, screen in opened[1:]:
            time.sleep(draw.uniform(0, 0.3))
            os.kill(script_of(screen), signal.SIGKILL)
            screen.wait_for("✗ ended: killed by SIGKILL")
            assert_kept(place)
        _, running = opened[1]
        last = re.search(r"step (\d+)/\d+ ", running.text())
        assert last
        running.press("P")  # the past is there still
        running.wait_for(f"step {int(last[1]) - 1}/")
        running.press("r")
        running.wait_for("The training has ended: nothing is left to run.")
        for _, screen in opened:
            screen.press("q")
            shown = screen.wait_for("ended with 137")  # 128 and SIGKILL's 9
            assert "train.py has ended: killed by SIGKILL. Its output: " in shown


def test_an_interface_from_elsewhere_says_so_as_well() -> None:
    with folder() as place:
        run = place.start(*GRAPHSCOPE, "run", "--headless", "train.py", "0")
        place.find()
        with terminal(place.path, "attach") as screen:
            screen.wait_for("▶ running · step ")
            screen.press("z", "Space")
            screen.wait_for("⏸ paused · step")
            run.kill()
            screen.wait_for("✗ ended: its process was killed")
            screen.press("q")
            shown = screen.wait_for("ended with 0")
            assert "train.py has ended. Open its recording: graphscope view " in shown
        assert_kept(place)
