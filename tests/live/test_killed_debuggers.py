"""Debuggers are killed with -9 at random moments: training ends with the same bits."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from tests.cli.screen import Screen, terminal
from tests.live.attacher import MODES
from tests.live.runs import (
    GRAPHSCOPE,
    ROOT,
    Folder,
    attached,
    folder,
    is_same_training,
    steps_of,
    train_plainly,
)
from tests.waiting import DEADLINE_S, wait_for

KILLS: Final = 20
SEED: Final = 812


def kill_interface(screen: Screen) -> None:
    """Kill what runs in a terminal, and see it dead."""
    [interface] = screen.children()
    os.kill(interface, signal.SIGKILL)
    screen.wait_for("ended with 137")


def assert_all_trained_alike(places: Sequence[Folder]) -> None:
    """Compare runs that have ended with plain python."""
    logs = [place.lines(log_of(place)) for place in places]
    plain = train_plainly(places[0], max(steps_of(lines) for lines in logs))
    for lines in logs:
        assert is_same_training(lines, plain), lines


def log_of(place: Folder) -> str:
    """Return where the output is: beside the recording under an interface."""
    name = "train.gscope.log"
    return name if (place.path / name).exists() else "log"


# --- debuggers that are attached to a headless run


def kill_attacher(place: Folder, pid: int, mode: str, draw: random.Random) -> None:
    """Attach in another process, and kill that somewhere in the middle."""
    attacher = subprocess.Popen(
        [sys.executable, "-m", "tests.live.attacher", str(pid), mode],
        cwd=ROOT,
        env=place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert attacher.stdout is not None
    try:
        assert select.select([attacher.stdout], [], [], DEADLINE_S)[0], mode
        told = attacher.stdout.readline()
        assert told == b"ready\n", attacher.communicate()
        time.sleep(draw.uniform(0, 0.1))
        assert attacher.poll() is None, attacher.communicate()
    finally:
        attacher.kill()
        attacher.communicate()


def kill_attached_interface(place: Folder, pid: int, keys: Sequence[str]) -> None:
    with terminal(place.path, "attach", str(pid)) as screen:
        screen.wait_for("▶ running")
        if keys:
            screen.press(*keys)
            screen.wait_for("⏸ paused")
        kill_interface(screen)


def test_debuggers_that_are_killed_change_nothing_of_the_training() -> None:
    draw = random.Random(SEED)  # noqa: S311 - moments, not secrets
    with folder() as place:
        run = place.start(
            *(*GRAPHSCOPE, "run", "--headless", "--resume-after", "0.1"),
            *("train.py", "0"),
        )
        pid = place.find().pid
        assert pid == run.pid
        for number in range(KILLS):
            kill_attacher(place, pid, list(MODES)[number % len(MODES)], draw)
            place.trains_on()
        for keys in ((), ("z",), ("z", "Space"), ("z", "S", "h")):
            kill_attached_interface(place, pid, keys)
            place.trains_on()
        with attached(place.find(), wants_control=False) as reader:
            assert not reader.state.is_controlled
        place.end()
        assert run.wait(60) == 0
        assert_all_trained_alike([place])
        assert place.left() == []


# --- interfaces that have started the script

OPTIONS: Final = ("run", "--resume-after", "0.3")


@contextmanager
def interfaces(*options: Sequence[str]) -> Iterator[list[tuple[Folder, Screen]]]:
    """Open several interfaces at once, each over a script of its own."""
    with ExitStack() as stack:
        opened = []
        for words in options:
            place = stack.enter_context(folder())
            command = (*OPTIONS, *words, "train.py", "0")
            opened.append((place, stack.enter_context(terminal(place.path, *command))))
        yield opened


def end_all(opened: Sequence[tuple[Folder, Screen]]) -> None:
    """Let the scripts end whose interfaces are dead, and compare them."""
    places = [place for place, _ in opened]
    for place in places:
        place.trains_on()
        place.end()
    for place in places:
        place.wait_for_text("trained\n", log_of(place))
    assert_all_trained_alike(places)


def test_a_script_whose_interface_is_killed_trains_on_and_prints_on() -> None:
    draw = random.Random(SEED)  # noqa: S311 - moments, not secrets
    going, broken = ("--continue",), ("--break", "phase:backward")
    paused: Sequence[str] = ()
    options = (paused, going, paused, going, paused, broken, paused, paused)
    with interfaces(*options) as opened:
        for place, screen in opened[:3]:  # starting: python, torch, or just there
            wait_for((place.path / "train.gscope.log").exists)
            time.sleep(draw.uniform(0, 0.8))
            kill_interface(screen)
        _, running = opened[3]
        running.wait_for("▶ running")
        _, held = opened[4]
        held.wait_for("⏸ paused")
        _, in_backward = opened[5]
        in_backward.wait_for("⏸ paused · breakpoint 1: phase:backward")
        _, stepping = opened[6]
        stepping.wait_for("⏸ paused")
        stepping.press(*["Space"] * 20)
        _, skipping = opened[7]
        skipping.wait_for("⏸ paused")
        skipping.press("S", "S", "S", "P", "L")
        for _, screen in opened[3:]:
            time.sleep(draw.uniform(0, 0.2))
            kill_interface(screen)
        end_all(opened)


def test_a_terminal_that_is_closed_leaves_the_script_training() -> None:
    paused: Sequence[str] = ()
    with interfaces(paused, ("--continue",)) as opened:
        opened[0][1].wait_for("⏸ paused")
        opened[1][1].wait_for("▶ running")
        for _, screen in opened:
            screen.close()  # SIGHUP
        end_all(opened)


def test_an_interface_that_sleeps_holds_only_what_it_has_paused() -> None:
    with interfaces(("--continue",)) as opened:
        [(place, screen)] = opened
        screen.wait_for("▶ running")
        [interface] = screen.children()
        os.kill(interface, signal.SIGSTOP)
        place.trains_on(100)
        place.end()
        place.wait_for_text("trained\n", log_of(place))
        os.kill(interface, signal.SIGCONT)
        screen.wait_for("■ ended")
        assert_all_trained_alike([place])
