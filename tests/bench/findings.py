"""What looking for findings costs: while the training runs, and afterwards.

In one recording blocks of steps with and without the search take turns: two recordings
differ by more than what is measured, from where their memory lies to when their files
are written. Each pair of blocks gives one ratio. `check` is timed as a command of its
own, with what Python takes to start and to import; and the search alone, which is what
grows with the steps.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import torch

import graphscope as gs
from graphscope.analysis.findings import find_all
from graphscope.analysis.findings.following import PERIOD
from graphscope.model.trace import Trace
from graphscope.session.alarm import Alarm
from graphscope.session.runs import RecordingRun
from graphscope.storage.file import open_recording
from tests.bench.clock import Times, middle, time_steps
from tests.bench.rounds import trace_block
from tests.bench.works import Job, make_job

_PAIRS: Final = 30
_WARM_STEPS: Final = 2 * PERIOD
_CHECKED_STEPS: Final = 1_000
_CHECKS: Final = 5
_GOAL_RATIO: Final = 1.02
_GOAL_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _AdamJob(Job):
    """The same model, trained with Adam."""

    def make_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.model.parameters(), lr=1e-5)


def measure_findings(rounds: int | None) -> None:
    """Print what `on_finding` adds to a step, and how long `check` takes."""
    made = make_job("mlp")
    job = _AdamJob(made.model, made.inputs, made.loss_of)
    _measure_following(job, rounds or _PAIRS)
    _measure_check(job)


def _measure_following(job: Job, pairs: int) -> None:
    step = job.make_step()
    bare = time_steps(step, PERIOD)
    found: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "followed.gscope"
        with _Switch() as switch, gs.record(path, job.model, on_finding=found.append):
            time_steps(step, _WARM_STEPS)
            blocks = [
                _time_block(step, switch, is_on=number % 2 == 0)
                for number in range(2 * pairs)
            ]
    print(
        f"\nMLP 4 x 256 with Adam, on_finding: {pairs} pairs of {PERIOD} steps, "
        f"{len(found)} findings"
    )
    for label, kind in (("wall", 0), ("CPU of the thread", 1)):
        times = [block[kind] for block in blocks]
        ratios = [a / b for a, b in zip(times[::2], times[1::2], strict=True)]
        ratio, low, high = middle(ratios), *Times(ratios).spread
        verdict = "met" if ratio <= _GOAL_RATIO else "MISSED"
        print(
            f"  {label:17} with / without {ratio:.3f} (80 % of the pairs {low:.3f} to "
            f"{high:.3f})   <= {_GOAL_RATIO} {verdict}"
        )
    _print_own(job, middle(bare.cpu))


class _Switch:
    """Lets a running search take no notice of steps."""

    def __init__(self) -> None:
        self.is_on = True
        self._add = Alarm.add

    def __enter__(self) -> Self:
        def add(alarm: Alarm, trace: Trace, recorder: Any) -> None:
            if self.is_on:
                self._add(alarm, trace, recorder)

        setattr(Alarm, "add", add)  # noqa: B010 - mypy forbids the plain way
        return self

    def __exit__(self, *_: object) -> None:
        setattr(Alarm, "add", self._add)  # noqa: B010 - as above


def _time_block(
    step: Callable[[], None], switch: _Switch, *, is_on: bool
) -> tuple[float, float]:
    """Return the seconds of a block of steps, and those that the thread computed."""
    switch.is_on = is_on
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(PERIOD):
        step()
    return time.perf_counter() - wall, time.thread_time() - cpu


def _record(job: Job, path: Path, **options: Any) -> RecordingRun:
    return gs.record(path, job.model, **options)


def _print_own(job: Job, step_s: float) -> None:
    """Print what the search itself computes: on a busy machine the surer number."""
    spent = _Spent(), _Spent()
    with spent[0].in_calls(Alarm, "add"), spent[1].in_calls(Alarm, "hold"):
        trace_block(job, 8 * PERIOD, {}, begin=partial(_record, job, on_finding=id))
    total = sum(spent[0].seconds) + sum(spent[1].seconds)
    rare = max(spent[1].seconds)
    each = total / len(spent[0].seconds)
    print(
        f"  its own CPU time: {each * 1e6:.0f} µs a step, {each / step_s:.1%} of a "
        f"bare one; at most {rare * 1e3:.2f} ms at once"
    )


@dataclass(frozen=True, slots=True)
class _Spent:
    """CPU seconds of the calls of a method."""

    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def in_calls(self, kind: type, name: str) -> Iterator[None]:
        """Time every call of the method."""
        run = getattr(kind, name)

        def timed(*args: Any) -> Any:
            start = time.thread_time()
            try:
                return run(*args)
            finally:
                self.seconds.append(time.thread_time() - start)

        setattr(kind, name, timed)
        try:
            yield
        finally:
            setattr(kind, name, run)


def _measure_check(job: Job) -> None:
    step = job.make_step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "thousand.gscope"
        with gs.record(path, job.model):
            time_steps(step, _CHECKED_STEPS, patience_s=120.0)
        command = [sys.executable, "-m", "graphscope", "check", str(path)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole = Times([_time(partial(_run, command)) for _ in range(_CHECKS)])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        search = Times([_time(partial(_search, path)) for _ in range(_CHECKS)])
        steps = len(gs.load(path))
    print(f"  graphscope check of {steps:,} steps; goal < {_GOAL_S} s")
    verdict = "met" if whole.median < _GOAL_S else "MISSED"
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"    the command       {whole.in_ms()}   {verdict}")
    print(f"    its CPU time      {cpu / _CHECKS * 1e3:8.2f} ms")
    print(f"    the search alone  {search.in_ms()}")


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _search(path: Path) -> None:
    with open_recording(path) as recording:
        find_all(recording)


def _time(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
