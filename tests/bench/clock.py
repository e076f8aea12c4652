"""Timing: interleaved runs, medians, spread."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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
