"""Gradients that vanish or explode between the layers of a model, over the steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.vanishing.layers import (
    EXPLODED,
    VANISHED,
    Growth,
    Verdict,
    finding_of,
    measure,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import EventKind, Role, Value, ValueKind
from graphscope.model.observation import Stats
from graphscope.model.trace import Trace

_REPLACED: Final = 10.0
"""How many times its own size an update moves a weight that it replaces."""

_USUAL_RATE: Final = 1e-3
"""The learning rate to judge by where there is no update: torch's own default."""

_NORMALISING: Final = frozenset(
    {"Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta"}
    | {"Adafactor", "SparseAdam", "Rprop"}
)
"""Optimizers that divide a gradient by its own size."""

_EPSILON: Final = 1e-8
"""What they add to that size: smaller gradients are not made large again."""

_FLOATS: Final = ("float", "bfloat", "complex")
_AXES: Final = 2


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A parameter, the statistics of its gradient and its size for each number."""

    value: Value
    stats: Stats
    size: float


class FlowCheck:
    """Measures the gradients of a run in its first step, and now and then.

    A gradient that vanishes does so in all of these; one that explodes does so from
    the first step on, else a learning rate that is too large has made it so.
    """

    def __init__(self) -> None:
        self._count = 0
        self._due = 0
        self._vanishing: dict[str, Growth] | None = None

    def see(self, trace: Trace, facts: Facts) -> Iterator[Finding]:
        """Measure the gradients of a step, if it is due."""
        if not trace.graph.roots or self._vanishing == {}:
            return
        self._count += 1
        if self._count <= self._due:
            return
        self._due = 2 * self._count - 1
        arrived = list(_arrivals(trace))
        if self._count == 1:
            exploding = find_exploding(facts, trace, arrived)
            if exploding is not None:
                yield finding_of(exploding, Verdict.EXPLODES)
        if self._vanishing is None:
            self._vanishing = dict(_find_vanishing(facts, trace, arrived))
        else:
            self._vanishing = dict(_still_vanishing(facts, trace, self._vanishing))

    def finish(self) -> Iterator[Finding]:
        """Return the gradient that vanishes most, if one always does."""
        if self._vanishing:
            least = min(self._vanishing.values(), key=lambda growth: growth.factor)
            yield finding_of(least, Verdict.VANISHES)


def _arrivals(trace: Trace) -> Iterator[_Arrived]:
    for value in trace.graph.values:
        if value.kind is not ValueKind.PARAMETER or not value.name:
            continue
        slots = trace.slots_of(value.id, Role.ARRIVED)
        seen = trace.seen(slots[-1]) if slots else None
        stats = None if seen is None else seen.stats
        if stats is not None and value.dtype.startswith(_FLOATS):
            filled = stats.numel - stats.zeros  # rows that were not looked up are 0
            yield _Arrived(value, stats, stats.l2 / sqrt(max(filled, 1)))


def _find_vanishing(
    facts: Facts, trace: Trace, arrived: list[_Arrived]
) -> Iterator[tuple[str, Growth]]:
    """Yield the weights at which next to nothing arrives, by name."""
    if not all(one.stats.is_finite for one in arrived):
        return
    largest = max((one.size for one in arrived), default=0.0)
    below = VANISHED * largest
    if any(name in _NORMALISING for name in _optimizers(trace)):
        below = min(below, _EPSILON)
    for one in arrived:
        is_weight = len(one.value.shape) >= _AXES and one.value.name
        if not is_weight or not 0 < one.size < below:
            continue
        growth = measure(facts, trace, one.value)
        if growth is not None and growth.factor < VANISHED:
            yield one.value.name or "", growth


def _still_vanishing(
    facts: Facts, trace: Trace, known: dict[str, Growth]
) -> Iterator[tuple[str, Growth]]:
    """Yield those that vanish in a later step too, as they were in the first one.

    How much arrives at the last layer is not asked again: it becomes less when the
    training goes well.
    """
    for name, growth in known.items():
        ids = trace.graph.names.get(name)
        now = measure(facts, trace, trace.choose(ids)) if ids else None
        if now is None or now.factor < VANISHED:
            yield name, growth


def find_exploding(
    facts: Facts, trace: Trace, arrived: list[_Arrived]
) -> Growth | None:
    """Return the gradient that grows most, if it also replaces its weight.

    Not where the loss is NaN or Inf already: then the forward is to blame.
    """
    if not isfinite(trace.loss() or 0.0):
        return None
    found: list[Growth] = []
    for one in arrived:
        is_weight = len(one.value.shape) >= _AXES and one.stats.is_finite
        if not is_weight or not _replaces(trace, one):
            continue
        growth = measure(facts, trace, one.value)
        if growth is not None and growth.factor > EXPLODED:
            found.append(growth)
    return max(found, key=lambda growth: growth.factor, default=None)


def _replaces(trace: Trace, one: _Arrived) -> bool:
    """Whether an update moves a weight by many times its own size."""
    seen = trace.value_of(one.value.id)
    before = None if seen is None else seen.stats
    if before is None or not before.l2 > 0:
        return False
    after = trace.updated_to(one.value.id)
    if after is None:
        usual = _USUAL_RATE * one.stats.l2
        return not _optimizers(trace) and usual >= _REPLACED * before.l2
    if after.stats is None:
        return False
    return after.stats.l2 >= (_REPLACED + 1) * before.l2


def _optimizers(trace: Trace) -> list[str]:
    """Return the classes of the optimizers that the step ends with."""
    events = trace.graph.events
    return [event.label for event in events if event.kind is EventKind.UPDATE]
