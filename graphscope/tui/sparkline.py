"""Curves of one line: numbers over the steps as blocks of eight heights."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import Final

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_BROKEN: Final = "×"
_ABSENT: Final = " "


def draw_sparkline(numbers: Sequence[float | None], width: int) -> str:
    """Draw at most `width` characters; each is the mean of its share of the numbers.

    `×` marks a share with a NaN or an infinity, a space one without numbers.

    >>> draw_sparkline([3, 2, None, 1], 10), draw_sparkline([1.0, float("nan")], 4)
    ('█▅ ▁', '▄×')
    """
    if width <= 0 or not numbers:
        return ""
    count = min(width, len(numbers))
    bounds = [i * len(numbers) // count for i in range(count + 1)]
    shares = [numbers[a:b] for a, b in pairwise(bounds)]
    means = [_mean(share) for share in shares]
    finite = [m for m in means if m is not None and isfinite(m)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_block(mean, low, high) for mean in means)


def _mean(share: Sequence[float | None]) -> float | None:
    seen = [number for number in share if number is not None]
    return sum(seen) / len(seen) if seen else None


def _block(mean: float | None, low: float, high: float) -> str:
    if mean is None:
        return _ABSENT
    if not isfinite(mean):
        return _BROKEN
    height = high - low
    if not isfinite(height) or height <= 0:
        return _BLOCKS[3]
    return _BLOCKS[min(int((mean - low) / height * 8), 7)]
