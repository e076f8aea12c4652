"""The findings of a run while it goes on: each once, as soon as its step is over.

Separate from the search of a recording, because nobody waits for that: here every step
is training time. Most steps are not looked at; which ones are is decided by their
number and by what is cheap to see, so that it is the same in every run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from graphscope.analysis.findings.checks import LASTING
from graphscope.analysis.findings.exploding import ExplosionFollower
from graphscope.analysis.findings.finder import StepFinder
from graphscope.analysis.findings.repeats import without_repeats
from graphscope.analysis.findings.run import (
    RunWatch,
    Sighting,
    identity_of,
    lasts,
    note_sighting,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Role
from graphscope.model.packed import PackedNumbers
from graphscope.model.trace import Status, Trace

FIRST: Final = 4
"""So many steps are looked at when the training begins, and of each period."""

PERIOD: Final = 64
"""So many steps with nothing new in them are gone through together, at their end.

While a model computes, all of this leaves the processor's caches; to fetch it back for
every step would cost more than what is done with it.
"""

_NEW: Final = 4
"""Steps with a graph that was not seen before which are looked at, of each graph."""
_MOST_GRAPHS: Final = 8
_MOST_NEW: Final = 32
"""Of graphs that were never seen before; one may be new in every step."""
_NONFINITE: Final = 4
"""Steps with a NaN or an Inf which are looked at, of each graph."""


_MOST_BYTES: Final = 16 << 20
"""Of the numbers of steps that wait to be gone through."""


@dataclass(slots=True)
class _Known:
    """A graph that came before.

    Attributes:
        graph: Kept, so that its id stays its own.
        losses: The slots in which its loss may stand, the last root's first.
        is_new: How many more steps are looked at because it is new.
        is_nonfinite: How many more are because they hold a NaN or an Inf.
    """

    graph: Graph
    losses: tuple[int, ...]
    is_new: int
    is_nonfinite: int = _NONFINITE


class RunFollower:
    """Follows one run, step by step.

    Looked at closely are the first four steps and the last four of every 64, the first
    ones of a graph that is new, those in which a NaN, an Inf or an exception comes up.
    What shows only over several steps is followed in all of them.
    """

    def __init__(self) -> None:
        self._finder = StepFinder()
        self._watch = RunWatch(self._finder)
        self._explosion = ExplosionFollower()
        self._waiting: list[Trace] = []
        self._usual: Graph | None = None
        self._graphs: dict[int, _Known] = {}
        self._taken = self._count = self._bytes = 0
        self._new_left = _MOST_NEW
        self._was_finite = True
        self._told: dict[object, Finding] = {}
        self._lasting: dict[object, Sighting] = {}
        self._trained: list[tuple[int, frozenset[object]]] = []

    def take(self, trace: Trace) -> bool:
        """Take the next step; whether it is time to `see`."""
        seen = trace.observations
        self._waiting.append(trace)
        self._taken += 1
        if (
            trace.graph is not self._usual
            or trace.status is not Status.COMPLETE
            or not isinstance(seen, PackedNumbers)
            or not seen.is_finite
        ):
            return True
        self._bytes += seen.size_bytes
        is_due = self._taken <= FIRST or not self._taken % PERIOD
        return is_due or self._bytes > _MOST_BYTES

    def see(self) -> list[Finding]:
        """Go through the steps that were taken since; return what is news."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        return [finding for trace in waiting for finding in self._see(trace)]

    def _see(self, trace: Trace) -> list[Finding]:
        known = self._graphs.get(id(trace.graph))
        if known is None:
            known = self._note_graph(trace.graph)
        loss = _read_loss(trace, known.losses)
        is_due = self._is_due(trace, known, loss)
        self._usual = None if known.is_new else known.graph
        self._count += 1
        exploded = self._explosion.see(trace, loss)
        found = [*(self._look_at(trace) if is_due else ()), *self._watch.see(trace)]
        return self._news(found if exploded is None else [exploded, *found])

    def finish(self) -> list[Finding]:
        """Return what can be told only now that the run is over."""
        last = self.see()
        lasting = [
            seen.first for seen in self._lasting.values() if lasts(seen, self._trained)
        ]
        found = [*lasting, *self._watch.finish(), *self._explosion.finish()]
        return [*last, *self._news(found)]

    def _note_graph(self, graph: Graph) -> _Known:
        is_new = _NEW if self._new_left > 0 else 0
        self._new_left -= 1
        if len(self._graphs) >= _MOST_GRAPHS:
            self._graphs.pop(next(iter(self._graphs)))
        known = _Known(graph, _loss_slots(graph), is_new)
        self._graphs[id(graph)] = known
        return known

    def _is_due(self, trace: Trace, known: _Known, loss: float | None) -> bool:
        """Whether a step is looked at; counts down what it is looked at for."""
        is_first = self._count < FIRST or self._count % PERIOD >= PERIOD - FIRST
        is_aborted = trace.status is Status.ABORTED
        is_finite = loss is None or isfinite(loss)
        is_lost = self._was_finite and not is_finite
        self._was_finite = is_finite
        if known.is_new > 0:
            known.is_new -= 1
            return True
        if known.is_nonfinite > 0 and _has_nonfinite(trace):
            known.is_nonfinite -= 1
            return True
        return is_first or is_aborted or is_lost

    def _look_at(self, trace: Trace) -> Iterable[Finding]:
        found = self._finder.find(trace)
        if trace.graph.roots:
            self._trained.append((trace.step, self._finder.places(trace.graph)))
        for one in found:
            if one.kind in LASTING:
                note_sighting(self._lasting, one)
        return [one for one in found if one.kind not in LASTING]

    def _news(self, found: Iterable[Finding]) -> list[Finding]:
        """Leave out what was told before, and what only follows from that."""
        known = len(self._told)
        for one in found:
            self._told.setdefault(identity_of(one), one)
        if len(self._told) == known:
            return []
        kept = without_repeats([*self._told.values()])
        return [one for one in [*self._told.values()][known:] if one in kept]


def _has_nonfinite(trace: Trace) -> bool:
    seen = trace.observations
    return (
        isinstance(seen, PackedNumbers) and not seen.is_finite and bool(seen.nonfinite)
    )


def _loss_slots(graph: Graph) -> tuple[int, ...]:
    """Return where `Trace.loss` finds its number, in its order."""
    found = (
        [s for s in graph.value_slots.get(r, ()) if graph.slots[s].role is Role.VALUE]
        for r in reversed(graph.roots)
    )
    return tuple(slots[-1] for slots in found if slots)


def _read_loss(trace: Trace, slots: Sequence[int]) -> float | None:
    for slot in slots:
        seen = trace.seen(slot)
        number = None if seen is None else seen.scalar
        if isinstance(number, int | float):
            return float(number)
    return None
