"""From a step command to the redrawn screen, in a real terminal, and its parts.

The parts are measured in another process: the same script, held by the same debugger,
commanded through the same channel, without a screen.
"""

import os
import re
import runpy
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Final

from graphscope.capture.recorder import Recorder
from graphscope.debugger.control import ControlClient, list_sessions
from graphscope.debugger.state import Activity, ProcessState
from graphscope.debugger.verbs import Command, Verb
from graphscope.session.live import LiveRun
from graphscope.session.live_options import LiveOptions
from graphscope.storage.writer import RecordingWriter
from tests.bench.clock import Times
from tests.bench.interface import Terminal
from tests.bench.processes import run_child

_DEMO: Final = Path(__file__).parents[2] / "demos" / "live" / "mlp_adam.py"
_SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "2-8-1 MLP, Adam": (str(_DEMO),),
    "MLP 4 x 256, Adam": ("-m", "tests.bench.adam"),
}
_SIZES: Final = ((120, 40), (80, 24))
_WARM_STEPS: Final = 3  # in the first one torch imports what Adam needs: seconds
_COMMANDS: Final = 120
_REST_S: Final = 0.15  # as a user who looks; the curves over all steps are read
_PATIENCE_S: Final = 60.0
_GOAL_S: Final = 0.1
_CONTROLS: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_PLACE: Final = re.compile(rb"step (\d+)/\d+ \S+ event (\d+)/")

Place = tuple[bytes, ...]


def measure_stepping(threads: int) -> None:
    """Print how long a step takes until it is seen, and where the time goes."""
    print(f"\none step command to the redrawn screen; goal < {_GOAL_S * 1e3:.0f} ms")
    for title, script in _SCRIPTS.items():
        for columns, rows in _SIZES:
            first, times = _time_steps(script, columns, rows)
            print(f"  {title}, {columns}x{rows}: {_in_ms(times)}   {_judge(times)}")
            print(f"    process start to the first paused screen {first:.1f} s")
        parts = run_child("stepping", threads, 300.0, script=script)
        for name, found in parts.items():
            print(f"    of it {name:32} {_in_ms(Times(found))}")
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"  load {load}")


def _in_ms(times: Times) -> str:
    high, last = times.spread[1], max(times.seconds)
    return (
        f"median {times.median * 1e3:6.1f}   90 % {high * 1e3:6.1f}   "
        f"max {last * 1e3:6.1f} ms"
    )


def _judge(times: Times) -> str:
    late = sum(seconds >= _GOAL_S for seconds in times.seconds)
    verdict = "met" if times.median < _GOAL_S else "MISSED"
    return f"{verdict}; {late} of {len(times.seconds)} were later"


def _find_place(drawn: bytes) -> Place:
    """Return step and event of the header that was drawn last, if any was."""
    found = _PLACE.findall(_CONTROLS.sub(b"", drawn))
    return tuple(found[-1]) if found else ()


def _time_steps(
    script: tuple[str, ...], columns: int, rows: int
) -> tuple[float, Times]:
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(("run", *script), columns, rows, folder=Path(folder))
        here: Place = ()

        def has_moved(drawn: bytes) -> bool:
            return _find_place(drawn) not in {(), here}

        first = terminal.wait_for(b"paused") - terminal.started
        terminal.settle()
        for _ in range(_WARM_STEPS):
            here = _move(terminal, b"S", has_moved)[1]
        times = []
        for _ in range(_COMMANDS):
            seconds, here = _move(terminal, b" ", has_moved)
            times.append(seconds)
        terminal.press(b"q")
        terminal.settle()
        terminal.leave(b"s")
    return first, Times(times)


def _move(
    terminal: Terminal, key: bytes, has_moved: Callable[[bytes], bool]
) -> tuple[float, Place]:
    """Press a key; return the seconds until another place is drawn, and which."""
    seconds, drawn = terminal.time_until(key, has_moved)
    terminal.rest(_REST_S)
    return seconds, _find_place(drawn)


# --- the parts, in a child


def run_stepping(script: list[str]) -> dict[str, list[float]]:
    """In a child: run a script under the debugger, step it, return the durations."""
    times: dict[str, list[float]] = defaultdict(list)
    _time(Recorder, "snapshot", times["the step as far as it got"])
    _time(RecordingWriter, "show", times["until readers see that"])
    driver = Thread(target=lambda: _drive(times))
    driver.start()
    with tempfile.TemporaryDirectory() as folder, suppress(SystemExit):
        live = LiveOptions(starts_paused=True, waits=True)
        with LiveRun(Path(folder) / "stepped.gscope", {}, live):
            if script[0] == "-m":
                runpy.run_module(script[1], run_name="__main__")
            else:
                runpy.run_path(script[0], run_name="__main__")
    driver.join()
    return times


def _time(kind: type, name: str, into: list[float]) -> None:
    """Have every call of a method timed."""
    run = getattr(kind, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return run(*args, **kwargs)
        finally:
            into.append(time.perf_counter() - start)

    setattr(kind, name, timed)


class _Driver:
    """A debugger without a screen."""

    def __init__(self) -> None:
        self._heard = Condition()
        self._state: ProcessState | None = None
        self._at = 0.0
        until = time.monotonic() + _PATIENCE_S
        while not (found := [i for i in list_sessions() if i.pid == os.getpid()]):
            assert time.monotonic() < until, "there is no process to attach to"
            time.sleep(0.01)
        self._client = ControlClient(
            found[0], on_state=self._hear, on_lost=lambda _: None
        )
        self._hear(self._client.state)

    def _hear(self, state: ProcessState) -> None:
        with self._heard:
            self._state, self._at = state, time.perf_counter()
            self._heard.notify_all()

    def _place(self) -> tuple[int, int, bool] | None:
        seats = self._state.seats if self._state is not None else ()
        if not seats or seats[0].activity is not Activity.PAUSED:
            return None
        return seats[0].step, seats[0].event, seats[0].is_before

    def wait(self, before: object = None) -> None:
        with self._heard:
            is_there = self._heard.wait_for(
                lambda: self._place() not in {None, before}, _PATIENCE_S
            )
        assert is_there, f"the script is not held: {self._state}"

    def move(self, verb: Verb) -> float:
        """Return the seconds from a command to the news that it has been obeyed."""
        before, start = self._place(), time.perf_counter()
        self.send(verb)
        self.wait(before)
        return self._at - start

    def send(self, verb: Verb) -> None:
        self._client.send(Command(verb, seat=0))


def _drive(times: dict[str, list[float]]) -> None:
    driver = _Driver()
    driver.wait()
    for _ in range(_WARM_STEPS):
        driver.move(Verb.NEXT_STEP)
    for found in times.values():
        found.clear()
    moves = []
    for _ in range(_COMMANDS):
        moves.append(driver.move(Verb.STEP))
        time.sleep(_REST_S / 3)
    times["command to the news of the pause"] = moves
    driver.send(Verb.STOP)
