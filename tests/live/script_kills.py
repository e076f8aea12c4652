"""Kill scripts under a debugger with -9 at random moments, and look what is left.

    python -m tests.live.script_kills --count 200

Each is a whole live run in a forked process: recorder, file, debugger and channel, with
a client that lets it run, holds it or steps it. The client must hear of the end, the
recording lack at most the last 100 ms, and the next who looks find nothing of it.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from struct import Struct
from typing import Final

import pytest
import torch

from graphscope.debugger.control import SessionInfo, list_sessions
from graphscope.debugger.state import Activity
from graphscope.debugger.verbs import Verb
from graphscope.errors import DebuggerError
from graphscope.model.trace import Status
from graphscope.session.live import LiveRun
from graphscope.session.live_options import LiveOptions
from graphscope.storage.ending import Ending
from graphscope.storage.file import FileRecording, open_recording
from tests.live.runs import Driver, attached
from tests.storage.killing import read_arguments, report_lost
from tests.storage.kills import check_step
from tests.storage.training import Step, expected_steps, train
from tests.waiting import wait_for

_MOST_STEPS: Final = 2500
_LINE: Final = Struct("<qq")
_LONGEST_S: Final = 0.4


def run_freely(driver: Driver, until: float) -> None:
    """Look on."""
    del driver
    time.sleep(max(0.0, until - time.monotonic()))


def stay_paused(driver: Driver, until: float) -> None:
    """Hold it."""
    driver.send(Verb.PAUSE)
    driver.paused()
    run_freely(driver, until)


def stay_in_backward(driver: Driver, until: float) -> None:
    """Hold it in front of an autograd node."""
    driver.send(Verb.RUN_UNTIL, text="node:TanhBackward0")
    driver.paused()  # behind the node where backward had begun before
    run_freely(driver, until)


def go_by(verb: Verb) -> Callable[[Driver, float], None]:
    """Return what goes on in steps of one kind until it is time."""

    def go(driver: Driver, until: float) -> None:
        driver.send(Verb.PAUSE)
        driver.paused()
        while time.monotonic() < until:
            driver.send(verb)
            while time.monotonic() < until:
                if driver.seat.activity is Activity.PAUSED:
                    break

    return go


WAYS: Final = {
    "running": run_freely,
    "stepped": go_by(Verb.STEP),
    "paused": stay_paused,
    "step by step": go_by(Verb.NEXT_STEP),
    "in backward": stay_in_backward,
    "phase by phase": go_by(Verb.NEXT_PHASE),
}


def kill_once(path: Path, way: str, delay_s: float, expected: list[Step]) -> float:
    """Start a script, debug it for `delay_s`, kill it; return the ms lost."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        _be_script(path, into)
    os.close(into)
    data = os.read(out, _LINE.size)
    assert data, "the script never trained"
    info = wait_for(lambda: next(iter(list_sessions()), None))
    assert info.pid == child
    with attached(info) as driver:
        WAYS[way](driver, time.monotonic() + delay_s)
        killed_ns = time.monotonic_ns()
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        _check_farewell(driver, info)
    while more := os.read(out, 1 << 16):
        data += more
    os.close(out)
    with open_recording(path) as recording:
        assert recording.ending is Ending.KILLED
        assert not recording.is_written
        if way in {"paused", "in backward"}:  # what was on the screen is there
            seat = driver.seat
            last = recording[-1]
            assert (last.step, len(last.graph.events) - 1) == (seat.step, seat.event)
        told = [told_ns for _, told_ns in _LINE.iter_unpack(data)]
        kept = _count_whole_steps(recording, expected)
    return (killed_ns - told[kept]) / 1e6 if kept < len(told) else 0.0


def _count_whole_steps(recording: FileRecording, expected: list[Step]) -> int:
    """Check every step; the last may be as it was when it was last shown."""
    assert recording.damaged == ()
    assert list(recording.numbers) == list(range(len(recording)))
    for number, trace in enumerate(recording):
        assert trace.step == number
        if trace.status is Status.OPEN:
            assert number == len(recording) - 1, "a part of a step is inside"
            return number
        assert trace.status is Status.COMPLETE
        check_step(trace, expected[number])
    return len(recording)


def _check_farewell(driver: Driver, info: SessionInfo) -> None:
    """The debugger hears of the end; the next who looks removes what is left."""
    wait_for(lambda: driver.lost)
    with pytest.raises(DebuggerError, match=f"may not have been .*\n +{info.pid} "):
        driver.send(Verb.CONTINUE)
    assert info.folder.is_dir()
    assert list_sessions() == ()
    assert not info.folder.exists()


def _be_script(path: Path, into: int) -> None:
    try:
        count = 0

        def told(_: Step) -> None:
            nonlocal count
            os.write(into, _LINE.pack(count, time.monotonic_ns()))
            count += 1

        options = {"environment": {"script": "train.py"}}
        with LiveRun(path, options, LiveOptions()):
            train(_MOST_STEPS, told)
            time.sleep(60)
    except BaseException as problem:  # noqa: BLE001 - a forked child must not return
        sys.stderr.write(f"the script failed: {problem!r}\n")
    os._exit(1)


def run(count: int, seed: int) -> dict[str, list[float]]:
    """Kill `count` scripts, one after the other."""
    torch.set_num_threads(1)
    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    for name in ("torch._dynamo", "graphscope.capture.recorder"):
        import_module(name)  # here, and not in every child
    expected = expected_steps(_MOST_STEPS)
    outcomes: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="gs-") as folder:
        os.environ["GRAPHSCOPE_RUNTIME_DIR"] = f"{folder}/r"
        for number in range(count):
            way = list(WAYS)[number % len(WAYS)]
            path = Path(folder) / f"{number}.gscope"
            found = kill_once(path, way, draw.uniform(0, _LONGEST_S), expected)
            outcomes[way].append(found)
    return outcomes


def main() -> None:
    """Read the arguments, run, and print what was lost."""
    given = read_arguments(__doc__)
    lost = run(given.count, given.seed)
    sys.exit(min(1, report_lost(lost, given.limit_ms)))


if __name__ == "__main__":
    main()
