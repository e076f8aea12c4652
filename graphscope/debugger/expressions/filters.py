"""The ready-made filters: one word each for what usually goes wrong in training."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from graphscope.debugger.arrival import Arrival, Aspect
from graphscope.model.graph import EventKind
from graphscope.model.observation import Observation, Stats

EXPLODING_L2: Final = 1e3
"""A gradient with a larger l2 norm explodes; so does one with an infinite element."""
VANISHING_L2: Final = 1e-7
"""A gradient with a smaller l2 norm vanishes, unless all of it is exactly zero."""

_FLOATING: Final = "fc"  # numpy's kinds of dtype that have NaN and infinity


def has_nan(arrival: Arrival) -> bool:
    """Whether any number that was seen during the event is NaN."""
    return any(is_nan_in(seen) for seen in arrival.numbers() if seen is not None)


def has_inf(arrival: Arrival) -> bool:
    """Whether any number that was seen during the event is infinite."""
    return any(is_inf_in(seen) for seen in arrival.numbers() if seen is not None)


def exploding(arrival: Arrival) -> bool:
    """Whether a gradient of the event is infinite, or larger than `EXPLODING_L2`."""
    return any(s.infs > 0 or s.l2 > EXPLODING_L2 for s in _stats(_gradients(arrival)))


def vanishing(arrival: Arrival) -> bool:
    """Whether the gradient that arrives is smaller than `VANISHING_L2`, and not 0."""
    return any(
        s.is_finite and s.l2 < VANISHING_L2 and s.zeros < s.numel
        for s in _stats(_gradients(arrival)[:1])
    )


def zero_grad(arrival: Arrival) -> bool:
    """Whether the gradient that arrives has elements, and all of them are zero."""
    return any(0 < s.numel == s.zeros for s in _stats(_gradients(arrival)[:1]))


def none_grad(arrival: Arrival) -> bool:
    """Whether a parameter is updated that backward should have reached and has not."""
    return any(True for _ in arrival.without_gradient())


FILTERS: Final[dict[str, Callable[[Arrival], bool]]] = {
    found.__name__: found
    for found in (has_nan, has_inf, exploding, vanishing, zero_grad, none_grad)
}


def is_nan_in(seen: Observation) -> bool:
    """Whether an element is NaN; of a tensor kept whole without its statistics."""
    if seen.data is not None:
        is_floating = seen.data.dtype.kind in _FLOATING
        return is_floating and bool(np.isnan(seen.data).any())
    return seen.summary is not None and seen.summary.nans > 0


def is_inf_in(seen: Observation) -> bool:
    """Whether an element is infinite; of a tensor kept whole without its statistics."""
    if seen.data is not None:
        is_floating = seen.data.dtype.kind in _FLOATING
        return is_floating and bool(np.isinf(seen.data).any())
    return seen.summary is not None and seen.summary.infs > 0


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


def _stats(found: Iterable[Observation]) -> list[Stats]:
    return [seen.stats for seen in found if seen.stats is not None]
