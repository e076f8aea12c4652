"""What a debugger costs that is attached and pauses nowhere.

A round is a block of bare steps, one recording of each kind, a block of bare steps:
recorded plainly, recorded under a debugger that is attached from another process,
that with breakpoints whose condition never holds, and as `--headless --until` records.
So whatever the machine does meanwhile hits all kinds alike.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import graphscope as gs
from graphscope.debugger.control import ControlClient, list_sessions
from graphscope.debugger.verbs import Command, Verb
from graphscope.session.live import LiveRun
from graphscope.session.live_options import LiveOptions
from graphscope.session.runs import RecordingRun
from tests.bench.clock import Block, Spread, time_steps
from tests.bench.processes import ChildError, command_for
from tests.bench.rounds import WARM_STEPS, TracedBlock, trace_block
from tests.bench.works import WORKS, make_job

_ROUNDS: Final = 7
_PATIENCE_S: Final = 30.0
_NEVER: Final = "grad.l2 > 1e9"
_CONDITIONS: Final = (
    _NEVER,
    "value.max > 1e9",
    "loss > 1e9",
    "linear if grad.max > 1e9",
    "relu if value.l2 > 1e9",
)
_STRUCTURE: Final = {"stats": False, "local": False}
_GOALS: Final = {"structure only": 1.5, "traced": 2.0}
_READ: Final[Mapping[str, Callable[[Block], float]]] = {
    "wall": lambda block: median(block.wall),
    "CPU": lambda block: median(block.cpu),
}


def run_controller() -> bool:
    """In a child: attach where each line on stdin says, and let go at the next one.

    A line is the number of a process and the breakpoints to set; an empty one lets go.
    """
    client: ControlClient | None = None
    for line in sys.stdin:
        if client is not None:
            client.close()
            client = None
        if line.strip():
            pid, breakpoints = json.loads(line)
            client = _attach(pid)
            for text in breakpoints:
                client.send(Command(Verb.ADD, text=text))
        print("done", flush=True)
    return True


def _attach(pid: int) -> ControlClient:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        for found in list_sessions():
            if found.pid == pid:
                return ControlClient(
                    found, on_state=lambda _: None, on_lost=lambda _: None
                )
        time.sleep(0.01)
    raise ChildError(f"process {pid} cannot be attached to")


class _Controller:
    """A debugger in a process of its own, as a user's is."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            command_for("controller", 1),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        assert self._process.stdout
        if self._process.stdout.readline().strip() != "done":
            raise ChildError("the debugger of the measurement ended")

    def close(self) -> None:
        self._process.communicate()

    @contextmanager
    def debugged(
        self, breakpoints: Sequence[str], path: Path, **options: Any
    ) -> Iterator[RecordingRun]:
        """Record under this debugger."""
        self.ask(json.dumps([os.getpid(), breakpoints]))
        with LiveRun(path, options, LiveOptions(waits=True)) as run:
            self.wait()
            yield run.main
            self.ask("")
            self.wait()


@contextmanager
def _until(path: Path, **options: Any) -> Iterator[RecordingRun]:
    """Record as `graphscope run --headless --until has_nan` does."""
    with LiveRun(path, options, LiveOptions(until="has_nan", stops=True)) as run:
        yield run.main


@dataclass(slots=True)
class _Found:
    """What the rounds of one way to record have found.

    Attributes:
        bare: Of each round the blocks before and after.
        traced: By kind, one of each round.
    """

    bare: list[tuple[Block, Block]] = field(default_factory=list)
    traced: dict[str, list[TracedBlock]] = field(default_factory=dict)

    def ratios(self, kind: str, read: Callable[[Block], float]) -> list[float]:
        """Return kind / bare."""
        return [
            2 * read(one.block) / (read(before) + read(after))
            for one, (before, after) in zip(self.traced[kind], self.bare, strict=True)
        ]

    def against(
        self, kind: str, other: str, read: Callable[[Block], float]
    ) -> list[float]:
        """Return kind / another kind."""
        pairs = zip(self.traced[kind], self.traced[other], strict=True)
        return [read(one.block) / read(two.block) for one, two in pairs]


_Begin = Callable[..., Any]


def measure_debugger(rounds: int | None) -> None:
    """Print what an attached debugger costs on the MLP, and what `--until` does."""
    controller = _Controller()
    try:
        attached = {
            "recorded plainly": _plainly,
            "debugger attached": _with(controller, ()),
        }
        watched = {
            "with 1 condition": _with(controller, _CONDITIONS[:1]),
            "with 5 conditions": _with(controller, _CONDITIONS),
            "--until has_nan": _until,
        }
        _measure("structure only", attached, rounds or _ROUNDS, _STRUCTURE)
        _measure("traced", attached | watched, rounds or _ROUNDS, {})
    finally:
        controller.close()


def _plainly(path: Path, **options: Any) -> RecordingRun:
    return gs.record(path, **options)


def _with(controller: _Controller, breakpoints: Sequence[str]) -> _Begin:
    def begin(path: Path, **options: Any) -> Any:
        return controller.debugged(breakpoints, path, **options)

    return begin


def _measure(
    title: str, kinds: Mapping[str, _Begin], rounds: int, options: dict[str, Any]
) -> None:
    work, job = WORKS["mlp"], make_job("mlp")
    step = job.make_step()
    time_steps(step, WARM_STEPS)
    found = _Found()
    for _ in range(rounds):
        before = time_steps(step, work.steps)
        for kind, begin in kinds.items():
            block = trace_block(job, work.steps, options, begin=begin)
            found.traced.setdefault(kind, []).append(block)
        found.bare.append((before, time_steps(step, work.steps)))
    print(f"\n{work.title}, {title}: {rounds} rounds of {work.steps} steps")
    print(f"{'':20}{'':5}{'/ bare':>19} {'/ plain':>19}   goal")
    for kind in kinds:
        _print_kind(kind, found, _GOALS[title])


def _print_kind(kind: str, found: _Found, goal: float) -> None:
    label = kind
    for clock, read in _READ.items():
        ratio = Spread.of(found.ratios(kind, read))
        plain = Spread.of(found.against(kind, "recorded plainly", read))
        verdict = f"<= {goal:.2f} {ratio.judge(goal)}"
        print(f"  {label:20}{clock:5}{ratio!s:>17} {plain!s:>19}   {verdict}")
        label = ""
    complaints = [c for one in found.traced[kind] for c in one.written.complaints]
    for text in dict.fromkeys(complaints):
        print(f"    NOT A VALID MEASUREMENT: {text}")
