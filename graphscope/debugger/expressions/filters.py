"""The ready-made filters: one word each for what usually goes wrong in training."""

from collections.abc import Callable
from math import nan
from typing import Final

from graphscope.debugger.arrival import Arrival, Aspect
from graphscope.debugger.expressions.numbers import is_inf_in, is_nan_in, l2_of
from graphscope.model.graph import EventKind
from graphscope.model.observation import Observation

EXPLODING_L2: Final = 1e3
"""A gradient with a larger l2 norm explodes; so does one with an infinite element."""
VANISHING_L2: Final = 1e-7
"""A gradient with a smaller l2 norm vanishes, unless all of it is exactly zero."""


def has_nan(arrival: Arrival) -> bool:
    """Whether any number that was seen during the event is NaN."""
    return not arrival.is_finite and any(
        is_nan_in(seen) for seen in arrival.numbers() if seen is not None
    )


def has_inf(arrival: Arrival) -> bool:
    """Whether any number that was seen during the event is infinite."""
    return not arrival.is_finite and any(
        is_inf_in(seen) for seen in arrival.numbers() if seen is not None
    )


def exploding(arrival: Arrival) -> bool:
    """Whether a gradient of the event is infinite, or larger than `EXPLODING_L2`."""
    return any(
        is_inf_in(seen) or _l2(seen) > EXPLODING_L2 for seen in _gradients(arrival)
    )


def vanishing(arrival: Arrival) -> bool:
    """Whether the gradient that arrives is smaller than `VANISHING_L2`, and not 0."""
    for seen in _gradients(arrival)[:1]:
        if _l2(seen) < VANISHING_L2:
            stats = seen.stats
            return stats is not None and stats.is_finite and stats.zeros < stats.numel
    return False


def zero_grad(arrival: Arrival) -> bool:
    """Whether the gradient that arrives has elements, and all of them are zero."""
    for seen in _gradients(arrival)[:1]:
        if _l2(seen) == 0:
            stats = seen.stats
            return stats is not None and stats.zeros == stats.numel
    return False


def none_grad(arrival: Arrival) -> bool:
    """Whether a parameter is updated that backward should have reached and has not."""
    return any(True for _ in arrival.without_gradient())


FILTERS: Final[dict[str, Callable[[Arrival], bool]]] = {
    found.__name__: found
    for found in (has_nan, has_inf, exploding, vanishing, zero_grad, none_grad)
}


def _gradients(arrival: Arrival) -> list[Observation]:
    """Return what arrives at the event, and after it what a leaf's `.grad` becomes."""
    aspects: tuple[Aspect, ...]
    match arrival.kind:
        case EventKind.GRAD:
            aspects = (Aspect.GRAD,)
        case EventKind.ACCUMULATE:
            aspects = (Aspect.ARRIVED, Aspect.GRAD)
        case EventKind.CAPTURE:
            aspects = (Aspect.ARRIVED,)
        case _:
            return []
    found = (arrival.own(aspect) for aspect in aspects)
    return [seen for seen in found if seen is not None]


def _l2(seen: Observation) -> float:
    """Return the l2 norm, NaN where there is none: it is compared only."""
    found = l2_of(seen)
    return nan if found is None else found
