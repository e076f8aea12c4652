"""The derivative of a function of one number, from its values at a few places.

Central differences with two step sizes, extrapolated; the slopes to both sides tell a
kink from a curve. Source: Ridders 1982, https://doi.org/10.1016/S0141-1195(82)80057-0
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final

import numpy as np

from graphscope.analysis.replay.machine import Branches

_STEPS: Final = (1e-5, 1e-6, 1e-7, 1e-8)
_EPS: Final = 2.0**-52
_GOOD: Final = 1e-7
_FLAT: Final = 1e-4
_CURVE: Final = 0.75
"""Halving the step halves the gap between the slopes of a curve, not of a kink."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a function gives at one place.

    Attributes:
        value: Its value.
        size: The sum of the absolute values that it is a sum of; they are rounded.
        branches: The pieces that it was computed on, step by step.
        broken: The first step that gave something that is no finite number, and which
            of its elements that was.
    """

    value: float
    size: float
    branches: Branches
    broken: tuple[int, tuple[int, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """The samples on both sides of something that breaks the derivative."""

    below: Sample
    middle: Sample
    above: Sample

    @property
    def step(self) -> int | None:
        """The first step that is on another piece at one of the places."""
        triples = zip(
            self.below.branches, self.middle.branches, self.above.branches, strict=False
        )
        for index, (low, mid, high) in enumerate(triples):
            if differs(low, high) or differs(mid, high):
                return index
        return None

    @property
    def broken(self) -> tuple[int, tuple[int, ...]] | None:
        """The first step that has no value on one side, and its element."""
        found = [s.broken for s in (self.below, self.above) if s.broken is not None]
        return min(found, default=None)


@dataclass(frozen=True, slots=True)
class Slope:
    """A derivative with an estimate of its error, or what there is in its place."""

    value: float = 0.0
    error: float = inf
    crossing: Crossing | None = None


def differs(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether two records of pieces are not the same."""
    if one is None or other is None:
        return False
    return one.shape != other.shape or not np.array_equal(one, other)


def measure_slope(
    probe: Callable[[float], Sample], scale: float, scatter: float = 0.0
) -> Slope:
    """Return the derivative of `probe` at 0.

    Steps shrink as long as the function is not smooth between them, so that a kink
    which is merely near is not taken for one.

    Args:
        probe: The function.
        scale: Over how much of its argument it is expected to be smooth.
        scatter: By how much its values are rounded.
    """
    middle = probe(0.0)
    best = Slope()
    for relative in _STEPS:
        found = _measure(probe, middle, relative * scale, scatter)
        is_better = found.error < best.error
        if best.error == inf or is_better:
            best = found
        if best.error <= _GOOD * abs(best.value) or best.error == 0:
            break
    return best


def _measure(
    probe: Callable[[float], Sample], middle: Sample, width: float, scatter: float
) -> Slope:
    wide = probe(-width), probe(width)
    near = probe(-width / 2), probe(width / 2)
    crossing = Crossing(near[0], middle, near[1])
    if not all(isfinite(s.value) for s in (*wide, *near, middle)):
        return Slope(crossing=crossing)
    sizes = max(s.size for s in (*wide, *near))
    noise = (4 * _EPS * sizes + 2 * scatter) / width
    first, second = _central(wide, width), _central(near, width / 2)
    gap, smallest = (
        _gap(near, middle, width / 2),
        _FLAT * _steepest(near, middle, width),
    )
    wide_gap = _gap(wide, middle, width)
    is_broken = gap > max(smallest, 16 * noise) and gap > _CURVE * wide_gap
    if is_broken:
        # Without a piece that changes it may be noise: the error says how much of it.
        is_kink = crossing.step is not None
        return Slope(crossing=crossing) if is_kink else Slope(second, gap + noise)
    if crossing.step is not None:
        return Slope(second, abs(second - first) + noise)
    value = (4 * second - first) / 3
    return Slope(value, abs(value - second) + noise)


def _central(pair: tuple[Sample, Sample], width: float) -> float:
    return (pair[1].value - pair[0].value) / (2 * width)


def _gap(pair: tuple[Sample, Sample], middle: Sample, width: float) -> float:
    """Return how far the slopes to both sides are apart."""
    below, above = pair
    return abs(above.value - 2 * middle.value + below.value) / width


def _steepest(pair: tuple[Sample, Sample], middle: Sample, width: float) -> float:
    below, above = pair
    slopes = (above.value - middle.value, middle.value - below.value)
    return max(map(abs, slopes)) / (width / 2)
