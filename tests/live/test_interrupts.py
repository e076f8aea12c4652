"""Ctrl-C and signals: an interface keeps them to itself, else they are the script's."""

import os
import re
import signal
import sys
from typing import Final

import pytest

from graphscope.storage.file import open_recording
from tests.cli.screen import terminal
from tests.live.runs import GRAPHSCOPE, Folder, folder
from tests.live.test_killed_debuggers import (
    assert_all_trained_alike,
    interfaces,
)
from tests.waiting import DEADLINE_S

PLAIN: Final = (sys.executable, "train.py", "0")
HEADLESS: Final = (*GRAPHSCOPE, "run", "--headless", "train.py", "0")
RECORD: Final = (*GRAPHSCOPE, "record", "train.py", "0")


def send(place: Folder, number: int, command: tuple[str, ...]) -> tuple[int, list[str]]:
    """Send a signal to a run in the middle; return its code and how its output ends.

    Where in the step it was is another place each time: of the traceback only the
    script's own line is kept, and that without its number.
    """
    run = place.start(*command)
    place.trains_on(60)
    run.send_signal(number)
    code = run.wait(DEADLINE_S)
    # An interrupt may come between the text that `print` writes and its end of line.
    said = [line for line in place.lines() if line and not re.match(r" |step ", line)]
    assert "graphscope/" not in place.read()
    return code, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_without_an_interface_as_they_end_python(number: int) -> None:
    with folder() as place:
        plain = send(place, number, PLAIN)
        assert plain[0] == -number
        (place.path / "heart").unlink()
        assert send(place, number, HEADLESS) == plain
        with open_recording(place.path / "train.gscope") as recording:
            assert len(recording) >= 50


def test_ctrl_c_ends_what_is_only_recorded_as_it_ends_python() -> None:
    with folder() as place:
        code, said = send(place, signal.SIGINT, RECORD)
        assert code == -signal.SIGINT
        assert said == ["Traceback (most recent call last):", "KeyboardInterrupt"]
        assert "Recorded " in place.read().splitlines()[-1]


def test_ctrl_c_in_the_interface_pauses_and_twice_asks_to_stop() -> None:
    with interfaces(("--continue",)) as opened:
        [(place, screen)] = opened
        screen.wait_for("▶ running")
        screen.press("C-c")
        screen.wait_for("⏸ paused", "Press ctrl+c again to stop the training.")
        screen.press("r")
        screen.wait_for("▶ running")
        place.trains_on()
        [interface] = screen.children()
        os.kill(interface, signal.SIGINT)  # from elsewhere it is the same
        screen.wait_for("⏸ paused")
        screen.press("C-c", "C-c")
        screen.wait_for("Stop the training?")
        screen.press("y")
        screen.wait_for("■ stopped")
        screen.press("q")
        screen.wait_for("ended with 130")
        assert "Traceback" not in place.read("train.gscope.log")
        assert "trained" not in place.read("train.gscope.log")
        assert place.left() == [screen.process()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interface_that_is_told_to_end_detaches(number: int) -> None:
    with folder() as place:
        words = ("run", "--break", "phase:backward", "train.py", "0")
        with terminal(place.path, *words) as screen:
            screen.wait_for("⏸ paused · breakpoint 1: phase:backward")
            [interface] = screen.children()
            os.kill(interface, number)
            shown = screen.wait_for("ended with 0")
            script = place.find().pid
            assert f"train.py goes on in process {script}. Attach again: " in shown
            assert "⏸" not in shown, shown  # the terminal is as it was
        place.trains_on()
        place.end()
        place.wait_for_text("trained\n", "train.gscope.log")
        assert_all_trained_alike([place])
