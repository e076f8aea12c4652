"""Timing: interleaved runs, medians, spread."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

PATIENCE_S: Final = 20.0
"""After this long a block of steps ends, with fewer than were asked for."""


@dataclass(frozen=True, slots=True)
class Times:
    """Durations of repeated runs, in seconds."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The 10th and the 90th percentile."""
        ordered = sorted(self.seconds)
        last = len(ordered) - 1
        return ordered[round(last * 0.1)], ordered[round(last * 0.9)]

    def in_ms(self) -> str:
        """Write the median and the spread in milliseconds."""
        low, high = self.spread
        return f"{self.median * 1e3:8.2f} ms   ({low * 1e3:.2f} to {high * 1e3:.2f})"


def interleave(runs: dict[str, Callable[[], None]], rounds: int) -> dict[str, Times]:
    """Time each run `rounds` times, turn by turn, so that load hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            found[name].append(time.perf_counter() - start)
    return {name: Times(seconds) for name, seconds in found.items()}


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


@dataclass(frozen=True, slots=True)
class Spread:
    """A number measured several times."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the smallest, the middle and the largest."""
        return cls(min(values), statistics.median(values), max(values))

    def __str__(self) -> str:
        """Return all three, the middle one first."""
        return f"{self.median:6.2f} ({self.low:.2f}-{self.high:.2f})"

    def judge(self, goal: float) -> str:
        """Say whether the median is within the goal, and whether all agree.

        >>> Spread(1.0, 1.2, 1.4).judge(1.5), Spread(1.0, 1.2, 1.4).judge(1.3)
        ('met', 'met?')
        >>> Spread(1.0, 1.2, 1.4).judge(1.1), Spread(1.0, 1.2, 1.4).judge(0.9)
        ('MISSED?', 'MISSED')
        """
        verdict = "met" if self.median <= goal else "MISSED"
        return verdict + "?" * (self.low <= goal < self.high)


@dataclass(frozen=True, slots=True)
class Block:
    """Steps that were timed one by one.

    Attributes:
        wall: Seconds of each.
        cpu: Seconds that the threads of the process computed during each.
        cpu_mean: Of the average step, with what was computed for it after the last.
        cpu_start: What the process had computed before the first.
    """

    wall: Sequence[float]
    cpu: Sequence[float]
    cpu_mean: float
    cpu_start: float


def time_parts(
    step: Callable[[], None], counts: Sequence[int], patience_s: float = PATIENCE_S
) -> list[Block]:
    """Run a step as often as each of `counts` says, fewer when it takes long.

    All from one line: to a recording, a step that is called from another place is
    another step.
    """
    wall_clock, cpu_clock = time.perf_counter, time.process_time
    blocks = []
    for count in counts:
        wall: list[float] = []
        cpu: list[float] = []
        gc.collect()
        first, deadline = cpu_clock(), wall_clock() + patience_s
        for _ in range(count):
            cpu_start, start = cpu_clock(), wall_clock()
            step()
            end = wall_clock()
            wall.append(end - start)
            cpu.append(cpu_clock() - cpu_start)
            if end > deadline:
                break
        blocks.append(Block(wall, cpu, statistics.fmean(cpu), first))
    return blocks


def time_steps(
    step: Callable[[], None], count: int, patience_s: float = PATIENCE_S
) -> Block:
    """Run a step `count` times, fewer when they take long."""
    return time_parts(step, (count,), patience_s)[0]
