"""How far an update moved a parameter, and how long its gradient was."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import hypot

import numpy as np

from graphscope.analysis.evidence.reading import is_equal
from graphscope.analysis.why.updates.look import Moved, Run
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace


@dataclass(frozen=True, slots=True)
class Distance:
    """What an update did to one parameter.

    Attributes:
        moved: The parameter.
        size: Norm of its numbers before the update.
        way: Norm of the change; None where only statistics were recorded and differ.
        gradient: Norm of the gradient that was used.
        summed: Norm of `.grad` after the last backward, before clipping.
    """

    moved: Moved
    size: float
    way: float | None
    gradient: float
    summed: float

    @property
    def ratio(self) -> float | None:
        """The change per size of what was changed; None where it is not known."""
        return None if self.way is None or not self.size else self.way / self.size


def distances(trace: Trace, run: Run) -> Iterator[Distance | None]:
    """Yield what an update did to each parameter; None where that was not recorded."""
    for moved in run.moved:
        yield measure(trace, moved)


def measure(trace: Trace, moved: Moved) -> Distance | None:
    """Return what an update did to a parameter, None where it was not recorded."""
    before = None if moved.before is None else trace.seen(moved.before)
    after, summed = trace.seen(moved.after), gradient_of(trace, moved, summed=True)
    size, used = norm(before), norm(gradient_of(trace, moved))
    if size is None or norm(after) is None or used is None:
        return None
    total = norm(summed)
    return Distance(moved, size, _way(before, after), used, total or 0.0)


def is_finite(trace: Trace, moved: Moved) -> bool:
    """Whether nothing that is known of an update shows a NaN or an Inf."""
    seen = trace.seen(moved.after)
    stats = None if seen is None else seen.stats
    return stats is None or stats.is_finite


def gradient_of(
    trace: Trace, moved: Moved, *, summed: bool = False
) -> Observation | None:
    """Return the gradient that an update used; or what backward had summed up."""
    slot = moved.summed if summed or moved.used is None else moved.used
    return None if slot is None else trace.seen(slot)


def norm(seen: Observation | None) -> float | None:
    """Return the norm of a tensor of finite numbers, None for any other."""
    stats = None if seen is None else seen.stats
    if stats is None or not stats.is_finite:
        return None
    return 0.0 if not stats.numel else stats.l2


def together(norms: Iterable[float]) -> float:
    """Return the norm of several tensors taken as one.

    >>> together([3.0, 4.0])
    5.0
    """
    return hypot(*norms)


def _way(before: Observation | None, after: Observation | None) -> float | None:
    if is_equal(before, after):
        return 0.0
    one = None if before is None else before.data
    other = None if after is None else after.data
    if one is None or other is None:
        return None
    return float(np.linalg.norm((other.astype(np.float64) - one).ravel()))
