"""`seed . root` as a function of one value: what a finite difference moves along."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, sqrt
from typing import Final

import numpy as np

from graphscope.analysis.replay.kinks import describe_crossing, first_broken
from graphscope.analysis.replay.machine import Branches, Machine, Rounding
from graphscope.analysis.replay.numbers import spacing_of
from graphscope.analysis.replay.refusal import RefusalError
from graphscope.analysis.replay.rounding import describe_rounding
from graphscope.analysis.replay.roundings import (
    JITTER,
    Correction,
    Jitter,
    Recorded,
)
from graphscope.analysis.replay.slopes import (
    Crossing,
    Sample,
    Slope,
    measure_slope,
)
from graphscope.model.numbers import format_number
from graphscope.model.observation import Array

_UNSURE: Final = 0.01
"""A difference that may be wrong by this part of itself says nothing."""

_NOTHING: Final = 1e-6
_AHEAD: Final = 0.01
_TINY: Final = 1e-13
_JITTERS: Final = 3
_ALIKE: Final = 16
_COARSE: Final = 2.0**-16
_ROUNDINGS: Final = 8.0
_COARSE_ROUNDINGS: Final = 0.5
"""How many roundings autograd makes where `Jitter` makes one; in half precision few,
because operators then compute in float32 and round their result alone."""


@dataclass(frozen=True)
class Function:
    """The function.

    Attributes:
        machine: Computes it.
        leaf: The value that it is a function of.
        seed: What the root is multiplied with.
        start: The recorded numbers of the leaf.
        exact: All values there, without any rounding.
        corrections: What rounding did to the recorded ones.
    """

    machine: Machine
    leaf: int
    seed: Array
    start: Array
    exact: Mapping[int, Array]
    corrections: Mapping[int, Correction]

    @cached_property
    def usual_size(self) -> float:
        """The size of the leaf's numbers: root of the mean square, 1 when all are 0."""
        if not self.start.size:
            return 1.0
        return float(np.sqrt((np.abs(self.start) ** 2).mean())) or 1.0

    @property
    def width(self) -> float:
        """The size of the leaf as one vector."""
        return self.usual_size * sqrt(self.start.size or 1)

    @cached_property
    def spacing(self) -> float:
        """The spacing of the coarsest numbers that were recorded on the way."""
        graph = self.machine.trace.graph
        return spacing_of(graph.values[v] for v in self.exact)

    @cached_property
    def least(self) -> float:
        """A derivative that is none, for numbers of this size."""
        here = self.probe(np.zeros_like(self.start))(0.0).size
        ahead = self.probe(np.full_like(self.start, _AHEAD * self.usual_size))(1.0).size
        return _NOTHING * max(filter(isfinite, (here, ahead)), default=0.0) / self.width

    @cached_property
    def noise(self) -> float:
        """By how much float64 itself rounds the function: its scatter at one place.

        Source: Moré and Wild 2011, https://doi.org/10.1137/100786125
        """
        order = np.arange(self.start.size).reshape(self.start.shape)
        direction = self.usual_size * np.cos(order * (1.0 + 0.7 * order))
        probe = self.probe(direction.astype(self.start.dtype))
        found = [probe(_TINY * step) for step in (-2, -1, 0, 1, 2)]
        if any(Crossing(found[0], s, found[-1]).step is not None for s in found):
            return 0.0  # that is a jump, not noise
        scatter = float(np.abs(np.diff([s.value for s in found], 2)).max())
        return scatter if isfinite(scatter) else 0.0

    def probe(
        self, direction: Array, rounding: Rounding | None = None
    ) -> Callable[[float], Sample]:
        """Return the function along a straight line through the recorded numbers."""

        def sample(step: float) -> Sample:
            branches: Branches = []
            values = self.machine.run(
                {self.leaf: self.start + step * direction},
                rounding=rounding,
                branches=branches,
            )
            terms = (np.conj(self.seed) * values[self.machine.plan.root]).real
            total = float(terms.sum())
            broken = None
            if not isfinite(total):
                broken = first_broken(self.machine, values, self.exact)
            return Sample(total, float(np.abs(terms).sum()), branches, broken)

        return sample

    def measure(self, direction: Array, scale: float) -> Slope:
        """Return the slope along a direction.

        Raises:
            RefusalError: The function has no derivative there.
        """
        found = measure_slope(self.probe(direction), scale, self.noise)
        if not isfinite(found.error) and found.crossing is not None:
            raise RefusalError(
                describe_crossing(self.machine, found.crossing, self.exact)
            )
        return found

    def require_sure(self, error: float, size: float) -> None:
        """Refuse a derivative of which differences of another width give another one.

        Raises:
            RefusalError: They do.
        """
        if error <= _UNSURE * size or error <= self.least:
            return
        root = self.machine.trace.title_of(self.machine.plan.root)
        raise RefusalError(
            f"{root} is not smooth enough there: differences of several widths "
            f"disagree by {format_number(error)}"
        )

    def effect_of_forward(self, direction: Array, expected: Slope) -> float:
        """Return by how much rounding of the recorded forward changes a slope.

        Raises:
            RefusalError: By so much that it says nothing about a gradient.
        """
        recorded = Recorded(self.corrections)
        found = measure_slope(self.probe(direction, recorded), self.width, self.noise)
        crossing = found.crossing
        if not isfinite(found.error) and crossing is not None:
            if crossing.step is not None and crossing.broken is None:
                values = self.machine.run({self.leaf: self.start}, rounding=recorded)
                raise RefusalError(describe_crossing(self.machine, crossing, values))
            raise RefusalError(describe_rounding(self.machine, self.exact))
        effect = abs(found.value - expected.value)
        allowed = _UNSURE * abs(expected.value) + self.least
        if effect > allowed + found.error + expected.error:
            raise RefusalError(describe_rounding(self.machine, self.exact))
        return effect

    def effect_of_rounding(self, gradient: Array | None = None) -> float:
        """Return by how much rounding may have changed an element of a gradient.

        Of the forward, as it was recorded, and of the backward, of which it is not
        known how it rounded. Both are looked at along a few directions.

        Args:
            gradient: The gradient, where it is known; spares measuring it again.
        """
        recorded = Recorded(self.corrections, self.spacing)
        is_coarse = self.spacing > _COARSE
        roundings = _COARSE_ROUNDINGS if is_coarse else _ROUNDINGS
        scale = roundings * self.spacing / JITTER
        found = 0.0
        for seed in range(_JITTERS):
            order = np.arange(self.start.size).reshape(self.start.shape) + seed
            direction = np.sign(np.cos(order * (1.3 + 0.7 * order)))
            direction = (direction / sqrt(direction.size or 1)).astype(self.start.dtype)
            if gradient is None:
                plain = self._slope(direction)
            else:
                plain = float((np.conj(gradient) * direction).real.sum())
            forward = self._slope(direction, recorded, plain)
            backward = self._slope(direction, Jitter(seed), plain)
            found = max(found, abs(forward - plain), scale * abs(backward - plain))
        return sqrt(min(self.start.size or 1, _ALIKE)) * found

    def _slope(
        self, direction: Array, rounding: Rounding | None = None, default: float = 0.0
    ) -> float:
        """Return a slope, and `default` where there is none."""
        probe = self.probe(direction, rounding)
        found = measure_slope(probe, self.width, self.noise)
        return found.value if isfinite(found.error) else default
