"""The numbers of a tensor: what `.l2`, `.max` and the others read."""

from collections.abc import Callable
from math import isinf, isnan
from typing import Final

from graphscope.debugger.expressions.filters import is_inf_in, is_nan_in
from graphscope.model.observation import Observation, Stats

Answer = float | bool | None
"""What an expression comes to; None is a number that is not there."""


def plain_number(seen: Observation) -> Answer:
    """Return the only element, or the l2 norm of several."""
    item = _only_element(seen)
    return _l2_of(seen) if item is None else item


def _only_element(seen: Observation) -> float | None:
    """Return the element of a tensor that has one: of a complex one its magnitude."""
    item = seen.scalar
    if item is not None:
        return abs(item) if isinstance(item, complex) else item
    stats = seen.summary
    if stats is None or stats.numel != 1:
        return None
    if stats.infs:
        return float("inf")  # its sign was not kept
    return stats.mean  # NaN where the element is


def _l2_of(seen: Observation) -> Answer:
    item = _only_element(seen)
    if item is not None:
        return abs(item)
    stats = seen.stats
    return None if stats is None else stats.l2


def _of_one(read: Callable[[Stats], float]) -> Callable[[Observation], Answer]:
    """Return a reader of what one element is itself: its own smallest and largest."""

    def run(seen: Observation) -> Answer:
        item = _only_element(seen)
        if item is not None:
            return item
        stats = seen.stats
        return None if stats is None else read(stats)

    return run


def _std_of(seen: Observation) -> Answer:
    stats = seen.stats
    return None if stats is None else stats.std


def _zeros_of(seen: Observation) -> Answer:
    stats = seen.stats
    return None if stats is None else stats.zeros


def _has(is_in: Callable[[Observation], bool]) -> Callable[[Observation], Answer]:
    def run(seen: Observation) -> Answer:
        is_read = seen.data is not None or seen.summary is not None
        return is_in(seen) if is_read else None

    return run


NUMBERS: Final[dict[str, Callable[[Observation], Answer]]] = {
    "l2": _l2_of,
    "min": _of_one(lambda stats: stats.minimum),
    "max": _of_one(lambda stats: stats.maximum),
    "mean": _of_one(lambda stats: stats.mean),
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
