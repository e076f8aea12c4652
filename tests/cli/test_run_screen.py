"""`run` and `attach` in a real terminal: what becomes of the script, what is said."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from graphscope.storage.file import open_recording
from tests.cli.screen import terminal
from tests.waiting import wait_for

TRAIN = """\
import sys, time
import torch

w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for epoch in range(int(sys.argv[1])):
    loss = (w - 3) ** 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    time.sleep(float(sys.argv[2]))
print("trained to", w.item().hex())
sys.exit(7)
"""

LOOP = """\
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("looping")
while True:
    time.sleep(0.01)
"""

DEADLINE_S = 60.0


def wait_for_text(path: Path, wanted: str) -> str:
    wait_for(lambda: wanted in path.read_text(), path.read_text)
    return path.read_text()


def test_a_script_ends_with_its_own_code_and_runs_again_as_comfortably(
    tmp_path: Path,
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    for steps in ("3", "4"):
        with terminal(tmp_path, "run", "train.py", steps, "0") as screen:
            screen.wait_for("⏸ paused")
            screen.press("r")
            screen.wait_for("■ ended: exit code 7")
            screen.press("q")
            shown = screen.wait_for("ended with 7")

        assert "train.py has ended: exit code 7. Its output: train.gscope.log" in shown
        assert f"Recorded {steps} steps in train.gscope. Open it: graphscope" in shown
        with open_recording(tmp_path / "train.gscope") as recording:
            assert len(recording) == int(steps)


def test_a_script_that_was_left_goes_on_and_can_be_attached_to_again(
    tmp_path: Path,
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    arguments = ("run", "--continue", "train.py", "100000", "0.01")
    with terminal(tmp_path, *arguments) as screen:
        screen.wait_for("▶ running")
        screen.press("q")
        screen.wait_for("The training is not over.")
        screen.press("d")
        shown = screen.wait_for("ended with 0")
    found = re.search(r"train.py goes on in process (\d+). Attach again: ", shown)
    assert found, shown

    with terminal(tmp_path, "attach", found[1]) as screen:
        screen.wait_for("▶ running")
        screen.press("z")
        screen.wait_for("⏸ paused")
        screen.press("q")
        screen.wait_for("The training is not over.")
        screen.press("s")
        shown = screen.wait_for("ended with 0")

    assert "train.py was asked to stop." in shown
    wait_for(lambda: not Path(f"/proc/{found[1]}").exists())


def test_a_script_that_never_comes_to_an_operation_can_be_stopped(
    tmp_path: Path,
) -> None:
    (tmp_path / "loop.py").write_text(LOOP)
    with terminal(tmp_path, "run", "loop.py") as screen:
        screen.wait_for("Starting loop.py")
        wait_for_text(tmp_path / "loop.gscope.log", "looping\n")
        screen.press("q")
        screen.wait_for("The training is not over.")
        screen.press("s")
        shown = screen.wait_for("ended with 143")  # 128 and SIGTERM's 15

    assert "loop.py is not at an operation where it could stop: interrupting" in shown
    assert "loop.py has ended: killed by SIGTERM. Its output: loop.gscope.log" in shown


def test_a_paused_script_goes_on_when_its_interface_is_killed(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    plain = subprocess.run(
        [sys.executable, "train.py", "20", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    words = ("run", "--resume-after", "0.5", "train.py", "20", "0")
    with terminal(tmp_path, *words) as screen:
        screen.wait_for("⏸ paused")
        [interface] = screen.children()
        os.kill(interface, signal.SIGKILL)
        screen.wait_for("ended with 137")

    log = wait_for_text(tmp_path / "train.gscope.log", "trained to")
    assert log == plain.stdout
    assert plain.returncode == 7
