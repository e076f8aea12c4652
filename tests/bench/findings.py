"""What looking for findings costs: while the training runs, and afterwards.

A round is a block of bare steps, a plain recording, one with `on_finding`, a block of
bare steps. So whatever the machine does meanwhile hits both kinds alike, and each round
gives one ratio. `check` is timed as a command of its own, with what Python takes to
start and to import; and the search alone, which is what grows with the steps.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

import torch

import graphscope as gs
from graphscope.analysis.findings import find_all
from graphscope.session.alarm import Alarm
from graphscope.session.runs import RecordingRun
from graphscope.storage.file import open_recording
from tests.bench.clock import Block, Spread, Times, time_steps
from tests.bench.rounds import WARM_STEPS, TracedBlock, trace_block
from tests.bench.works import Job, make_job

_ROUNDS: Final = 9
_STEPS: Final = 400
_CHECKED_STEPS: Final = 1_000
_CHECKS: Final = 5
_GOAL_RATIO: Final = 1.02
_GOAL_S: Final = 2.0
_READ: Final[Mapping[str, Callable[[Block], float]]] = {
    "wall, median": lambda block: median(block.wall),
    "wall, mean": lambda block: fmean(block.wall),
    "CPU, median": lambda block: median(block.cpu),
    "CPU, mean": lambda block: block.cpu_mean,
}


@dataclass(frozen=True, slots=True)
class _AdamJob(Job):
    """The same model, trained with Adam."""

    def make_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.model.parameters(), lr=1e-5)


def measure_findings(rounds: int | None) -> None:
    """Print what `on_finding` adds to a step, and how long `check` takes."""
    made = make_job("mlp")
    job = _AdamJob(made.model, made.inputs, made.loss_of)
    _measure_following(job, rounds or _ROUNDS)
    _measure_check(job)


def _measure_following(job: Job, rounds: int) -> None:
    step = job.make_step()
    time_steps(step, WARM_STEPS)
    found: list[Any] = []
    plain, followed, bare = [], [], []
    for number in range(rounds):
        before = time_steps(step, _STEPS // 4)
        begin = {
            "plain": partial(_record, job),
            "followed": partial(_record, job, on_finding=found.append),
        }
        blocks = {
            kind: trace_block(job, _STEPS, {}, begin=begin[kind])
            for kind in sorted(begin, reverse=bool(number % 2))
        }
        plain.append(blocks["plain"])
        followed.append(blocks["followed"])
        bare += [before, time_steps(step, _STEPS // 4)]
    print(
        f"\nMLP 4 x 256 with Adam, on_finding: {rounds} rounds of {_STEPS} steps, "
        f"{len(found)} findings"
    )
    for label, read in _READ.items():
        _print_ratio(label, read, plain, followed, bare)
    _print_own(job, median(median(block.cpu) for block in bare))


def _print_own(job: Job, step_s: float) -> None:
    """Print what the search itself computes: on a busy machine the surer number."""
    spent = _Spent(), _Spent()
    with spent[0].in_calls(Alarm, "add"), spent[1].in_calls(Alarm, "hold"):
        trace_block(job, _STEPS, {}, begin=partial(_record, job, on_finding=id))
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


def _record(job: Job, path: Path, **options: Any) -> RecordingRun:
    return gs.record(path, job.model, **options)


def _print_ratio(
    label: str,
    read: Callable[[Block], float],
    plain: list[TracedBlock],
    followed: list[TracedBlock],
    bare: list[Block],
) -> None:
    pairs = list(zip(followed, plain, strict=True))
    ratio = Spread.of([read(one.block) / read(two.block) for one, two in pairs])
    added = Spread.of([1e6 * (read(a.block) - read(b.block)) for a, b in pairs])
    step = median(read(block) for block in bare)
    share = added.median / (1e6 * step)
    print(
        f"  {label:13} with / without {ratio.median:.3f} ({ratio.low:.3f}-"
        f"{ratio.high:.3f})   <= {_GOAL_RATIO} {ratio.judge(_GOAL_RATIO)}   "
        f"{added.median:+.0f} µs ({added.low:+.0f} to {added.high:+.0f}), "
        f"{share:.1%} of a bare step of {step * 1e3:.2f} ms"
    )


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
