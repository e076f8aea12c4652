"""The numbers of a tensor: what `.l2`, `.max` and the others read.

Of a tensor that was kept whole only the number that is asked for is worked out, because
a condition is asked at every event: its full statistics would take ten times as long.
"""

from collections.abc import Callable
from math import inf, isfinite, isinf, isnan, sqrt
from typing import Final

import numpy as np

from graphscope.model.observation import Array, Observation, Stats

Answer = float | bool | None
"""What an expression comes to; None is a number that is not there."""

_REAL: Final = "fiub"  # numpy's kinds of dtype; complex numbers are summarised
_FLOATING: Final = "fc"  # those that have NaN and infinity


def plain_number(seen: Observation) -> Answer:
    """Return the only element, or the l2 norm of several."""
    item = _only_element(seen)
    return l2_of(seen) if item is None else item


def _only_element(seen: Observation) -> float | None:
    """Return the element of a tensor that has one: of a complex one its magnitude."""
    item = seen.scalar
    if item is not None:
        return abs(item) if isinstance(item, complex) else item
    stats = seen.summary
    if stats is None or stats.numel != 1:
        return None
    return inf if stats.infs else stats.mean  # the sign of infinity was not kept


def l2_of(seen: Observation) -> Answer:
    """Return the l2 norm of the finite elements; of a single element its magnitude."""
    item = _only_element(seen)
    return abs(item) if item is not None else _norm_of(seen)


def is_nan_in(seen: Observation) -> bool:
    """Whether an element is NaN."""
    if seen.data is not None:
        is_floating = seen.data.dtype.kind in _FLOATING
        return is_floating and bool(np.isnan(seen.data).any())
    return seen.summary is not None and seen.summary.nans > 0


def is_inf_in(seen: Observation) -> bool:
    """Whether an element is infinite."""
    if seen.data is not None:
        is_floating = seen.data.dtype.kind in _FLOATING
        return is_floating and bool(np.isinf(seen.data).any())
    return seen.summary is not None and seen.summary.infs > 0


def _reader(
    quick: Callable[[Array], float], slow: Callable[[Stats], float]
) -> Callable[[Observation], Answer]:
    """Return a reader: by `quick`, unless its result shows elements not to be counted.

    Args:
        quick: Of all elements; not finite when one of those that matter is not.
        slow: Of the statistics.
    """

    def run(seen: Observation) -> Answer:
        data = seen.data
        if data is not None and data.size and data.dtype.kind in _REAL:
            with np.errstate(all="ignore"):  # a warning here would be the user's
                found = float(quick(data))
            if isfinite(found):
                return found
        stats = seen.stats
        return None if stats is None else slow(stats)

    return run


def _norm(data: Array) -> float:
    wide = data.ravel().astype(np.float64)
    return sqrt(wide @ wide)


def _mean(data: Array) -> float:
    return float(data.mean(dtype=np.float64))


_norm_of: Final = _reader(_norm, lambda stats: stats.l2)


def _of_one(
    quick: Callable[[Array], float], slow: Callable[[Stats], float]
) -> Callable[[Observation], Answer]:
    """Return a reader of what a single element is itself, also where it is infinite."""
    read = _reader(quick, slow)

    def run(seen: Observation) -> Answer:
        item = _only_element(seen)
        return read(seen) if item is None else item

    return run


def _std_of(seen: Observation) -> Answer:
    stats = seen.stats
    return None if stats is None else stats.std


def _zeros_of(seen: Observation) -> Answer:
    if seen.data is not None:
        return int(seen.data.size - np.count_nonzero(seen.data))
    return None if seen.summary is None else seen.summary.zeros


def _has(is_in: Callable[[Observation], bool]) -> Callable[[Observation], Answer]:
    def run(seen: Observation) -> Answer:
        is_read = seen.data is not None or seen.summary is not None
        return is_in(seen) if is_read else None

    return run


NUMBERS: Final[dict[str, Callable[[Observation], Answer]]] = {
    "l2": l2_of,
    "min": _of_one(np.min, lambda stats: stats.minimum),
    "max": _of_one(np.max, lambda stats: stats.maximum),
    "mean": _of_one(_mean, lambda stats: stats.mean),
    "std": _std_of,
    "has_nan": _has(is_nan_in),
    "has_inf": _has(is_inf_in),
    "zeros": _zeros_of,
}
"""Readers of an observation, by the words that ask for them."""

SCALAR_NUMBERS: Final[dict[str, Callable[[float], Answer]]] = {
    "l2": abs,
    "min": float,
    "max": float,
    "mean": float,
    "std": lambda number: number - number,  # NaN where the number is not finite
    "has_nan": isnan,
    "has_inf": isinf,
    "zeros": lambda number: int(number == 0),
}
"""The same of a number that is known without its tensor: the loss."""
