"""Two ways of rounding: as it was recorded, and as the backward may have rounded.

Autograd multiplies derivatives at numbers that were rounded, and rounds every product.
Neither is an error of the gradient, so both belong to the uncertainty of a comparison.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from graphscope.model.observation import Array

JITTER: Final = 1e-3
"""Relative change of derivatives that `Jitter` makes: large beside rounding here."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What rounding did to one recorded result.

    Attributes:
        recorded: The recorded numbers.
        computed: What the formula gives for the recorded inputs.
        slope: By how much rounding changed the derivative that autograd used.
    """

    recorded: Array
    computed: Array
    slope: Array | float = 1.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """Moves every result to where it was recorded; derivatives are taken there.

    What an op has in between was not recorded: that is rounded by `spacing`.
    """

    corrections: Mapping[int, Correction]
    spacing: float = 0.0

    def result(self, value: int, numbers: Array) -> Array:
        """Return the result as it would have been recorded."""
        found = self.corrections.get(value)
        if found is None:
            return numbers
        return _moved(found.recorded, found.slope, numbers, found.computed)

    def inner(self, op: int, name: str, numbers: Array) -> Array:
        """Return numbers as they may have been rounded, each in its own way."""
        if not self.spacing:
            return numbers
        return np.asarray(numbers * (1 + self.spacing * _pattern(numbers, op, name)))


@dataclass(slots=True)
class Jitter:
    """Changes every derivative by a small part, and no number.

    The first numbers that it is shown are those at which derivatives are taken.
    """

    seed: int
    first: dict[tuple[int, str], tuple[Array, Array]] = field(default_factory=dict)

    def result(self, value: int, numbers: Array) -> Array:
        """Return the result with its distance from the first one changed."""
        return self.inner(value, "", numbers)

    def inner(self, op: int, name: str, numbers: Array) -> Array:
        """Return numbers with their distance from the first ones changed."""
        if numbers.dtype.kind not in "fc":
            return numbers
        known = self.first.get((op, name))
        if known is None:
            parts = _pattern(numbers, self.seed + 13 * op, name)
            self.first[op, name] = numbers, 1 + JITTER * parts
            return numbers
        first, factors = known
        return _moved(first, factors, numbers, first)


def _moved(start: Array, factor: Array | float, numbers: Array, before: Array) -> Array:
    """Return how far `numbers` are from `before`, as far from `start`.

    Infinite numbers, such as those of a mask, stay what they are.
    """
    moved = start + factor * (numbers - before)
    return np.asarray(np.where(np.isfinite(before), moved, numbers))


def _pattern(numbers: Array, seed: int, name: str) -> Array:
    """Return numbers between -1 and 1 without a pattern, always the same ones."""
    order = np.arange(numbers.size, dtype=np.float64).reshape(numbers.shape)
    return np.asarray(np.cos(seed + sum(map(ord, name)) + order * (1.0 + 0.7 * order)))
