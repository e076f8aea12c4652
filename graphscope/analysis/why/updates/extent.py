"""Updates that are too small to change a number, or so large that they wipe it out.

Both are judged from the first update on. A training that has converged makes small
updates too, and a parameter that starts at 0 is all update after the first: so small
is what never moved anything, and large is what replaced every weight matrix at once
and made the loss much larger.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from graphscope.analysis.traps.explosion import has_exploded, rising_runs
from graphscope.analysis.why.updates.distance import Distance, distances
from graphscope.analysis.why.updates.look import Look, Run
from graphscope.analysis.why.updates.too_far import tell_huge
from graphscope.analysis.why.updates.too_little import tell_tiny
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace

_UPDATES: Final = 2
_NOTHING: Final = 1e-7
"""Below this share of a weight, float32 rounds most of a change away (2⁻²⁴ = 6e-8)."""
_SUBSTANTIAL: Final = 1e-4
"""A gradient of this size per weight would move it at any usual rate."""
_CLIPPED: Final = 0.01
_HUGE: Final = 10.0
"""Healthy updates change a weight by a thousandth; at 10 nothing of it is left."""
_WORSE: Final = 10.0
_MATRIX: Final = 2
_NUMBERS: Final = 8
_LATER: Final = 3


@dataclass(slots=True)
class Extent:
    """The updates of one optimizer, from the first one on.

    Attributes:
        run: Its update in the first step.
        trace: The first step.
        first: What its first update did to each parameter.
        updates: How many updates there were.
        largest: The largest change per weight in all of them.
        is_tiny: Whether none of them has changed anything so far.
        is_huge: Whether the first one has wiped every weight matrix out.
        losses: Those from the first step on, while `is_huge`.
    """

    run: Run
    trace: Trace
    first: tuple[Distance, ...]
    updates: int = 0
    largest: float = 0.0
    is_tiny: bool = True
    is_huge: bool = False
    losses: list[float | None] = field(default_factory=list)


class ExtentPart:
    """Follows optimizers for as long as their updates are too small or too large."""

    def __init__(self) -> None:
        self._followed: dict[object, Extent] = {}

    def see(self, trace: Trace, look: Look) -> None:
        """Measure the updates of a step, where the ones before were suspicious."""
        for run in look.runs:
            known = self._followed.get(run.key)
            if known is None and run.moved and _has_rate(trace, run):
                known = self._followed[run.key] = _begin(trace, run)
            if known is None:
                continue
            known.updates += 1
            if known.is_tiny:
                _follow_tiny(known, trace, run)
        for known in self._followed.values():
            if known.is_huge:
                known.losses.append(trace.loss())

    def finish(self) -> Iterator[Finding]:
        """Tell of the optimizers that did nothing, or too much."""
        for one in self._followed.values():
            if one.is_tiny and one.updates >= _UPDATES:
                yield tell_tiny(
                    one.trace, one.run, one.first, (one.updates, one.largest)
                )
            elif one.is_huge and _got_worse(one.losses):
                losses = [loss for loss in one.losses if loss is not None]
                yield tell_huge(one.trace, one.run, one.first, losses)


def _has_rate(trace: Trace, run: Run) -> bool:
    """Whether an update has a learning rate: a warm-up may begin with 0."""
    rates = (trace.seen(slot) for slot in run.rates)
    return any(seen is not None and seen.scalar != 0 for seen in rates)


def _begin(trace: Trace, run: Run) -> Extent:
    found = [*distances(trace, run)]
    first = tuple(one for one in found if one is not None)
    extent = Extent(run, trace, first)
    extent.is_tiny = len(first) == len(found) and any(
        one.gradient > _SUBSTANTIAL * one.size > 0 for one in first
    )
    matrices = [one for one in first if _is_matrix(trace, one)]
    extent.is_huge = bool(matrices) and all(
        one.ratio is not None and one.ratio >= _HUGE for one in matrices
    )
    return extent


def _is_matrix(trace: Trace, one: Distance) -> bool:
    shape = trace.graph.values[one.moved.first].shape
    seen = trace.seen(one.moved.after)
    numbers = 0 if seen is None or seen.stats is None else seen.stats.numel
    return one.size > 0 and len(shape) >= _MATRIX and numbers >= _NUMBERS


def _follow_tiny(known: Extent, trace: Trace, run: Run) -> None:
    for one in distances(trace, run):
        if one is None or _is_other(one):
            known.is_tiny = False
            return
        known.largest = max(known.largest, one.ratio or 0.0)


def _is_other(one: Distance) -> bool:
    """Whether a parameter has changed, or did not for another reason than the rate."""
    if one.way is None or one.way > _NOTHING * one.size:
        return True
    return one.gradient < _CLIPPED * one.summed


def _got_worse(losses: Sequence[float | None]) -> bool:
    """Whether every loss after the first update is larger, and one much larger.

    Not where it explodes, or is no number any more: other findings tell that.
    """
    if len(losses) <= _LATER or any(n is None or not isfinite(n) for n in losses):
        return False
    known = [n for n in losses if n is not None]
    first, later = known[0], known[1:]
    if any(has_exploded(losses, start, end) for start, end in rising_runs(losses)):
        return False
    return min(later) > first and max(later) >= _WORSE * abs(first)
