"""Killing a forked child that tells on a pipe what it has done; needs no torch."""

# ruff: noqa: T201 - it prints what was found

import argparse
import os
import select
import signal
from collections.abc import Mapping, Sequence
from struct import Struct
from time import monotonic, monotonic_ns
from typing import Final

LIMIT_MS: Final = 100.0


def kill_after(
    out: int, child: int, delay_s: float, line: Struct
) -> tuple[int, list[tuple[int, ...]]]:
    """Kill it `delay_s` after its first word; return when, and all that it told."""
    data = os.read(out, line.size)
    assert data, "the child never began"
    until = monotonic() + delay_s
    while (left := until - monotonic()) > 0:
        if select.select([out], [], [], left)[0]:
            data += os.read(out, 1 << 16)
    killed_ns = monotonic_ns()
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    while more := os.read(out, 1 << 16):
        data += more
    os.close(out)
    return killed_ns, list(line.iter_unpack(data))


def read_arguments(about: str | None) -> argparse.Namespace:
    """Return `count`, `seed` and `limit_ms`."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit-ms", type=float, default=LIMIT_MS)
    return parser.parse_args()


def report_lost(outcomes: Mapping[str, Sequence[float]], limit_ms: float) -> int:
    """Print what was lost, in ms; return how many kills lost more than `limit_ms`."""
    for name, found in outcomes.items():
        ages = sorted(found) or [0.0]
        spread = f"{ages[0]:.1f} … {ages[len(ages) // 2]:.1f} … {ages[-1]:.1f}"
        print(f"{name:18} {len(found):4} kills, lost ms {spread}")
    every = [age for found in outcomes.values() for age in found]
    late = sum(age > limit_ms for age in every)
    print(f"{len(every)} kills, {late} lost more than {limit_ms:.0f} ms")
    return late
