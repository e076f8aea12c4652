"""All traps in one step, or in all steps of a recording, each of them once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from graphscope.analysis.traps.argmax import find_argmax_traps
from graphscope.analysis.traps.facts import Check, Facts
from graphscope.analysis.traps.features import find_feature_traps
from graphscope.analysis.traps.labels import find_label_traps
from graphscope.analysis.traps.learning_rate import find_learning_rate_trap
from graphscope.analysis.traps.nan_input import find_nan_traps
from graphscope.analysis.traps.relu import find_relu_traps
from graphscope.analysis.traps.saturation import find_saturation_traps
from graphscope.analysis.traps.shapes import find_shape_traps
from graphscope.analysis.traps.softmax import find_softmax_traps
from graphscope.analysis.traps.swapped import find_swapped_traps
from graphscope.analysis.traps.zeroing import find_zeroing_trap
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph
from graphscope.model.trace import Recording, Trace

_TRAPS: Final[Sequence[Callable[[Facts], Iterator[Check]]]] = (
    find_label_traps,
    find_nan_traps,
    find_softmax_traps,
    find_swapped_traps,
    find_shape_traps,
    find_saturation_traps,
    find_relu_traps,
    find_argmax_traps,
    find_feature_traps,
)
_LASTING: Final = frozenset({"dead-relu", "zero-feature"})
"""Kinds that may be chance in one step and are a trap when they never end."""

_KEPT_GRAPHS: Final = 8


def find_traps_of_step(trace: Trace) -> tuple[Finding, ...]:
    """Return what is wrong in one step, looked at alone."""
    return _StepFinder().find(trace)


def find_run_traps(steps: Recording | Sequence[Trace]) -> tuple[Finding, ...]:
    """Return what only shows over several steps; reads the losses and few steps."""
    if len(steps) == 0:
        return ()
    losses = (
        [trace.loss() for trace in steps]
        if isinstance(steps, Sequence)
        else steps.losses()
    )
    found = (find_zeroing_trap(steps), find_learning_rate_trap(steps, losses))
    return tuple(finding for finding in found if finding is not None)


def find_traps(steps: Recording | Sequence[Trace]) -> tuple[Finding, ...]:
    """Return what is wrong in a recording, each trap at the step where it shows first.

    Reads every step. A trap that shows in several says in how many.
    """
    finder, seen = _StepFinder(), dict[object, list[Finding]]()
    trained = []
    for trace in steps:
        if trace.graph.roots:
            trained.append(trace.step)
        for finding in finder.find(trace):
            seen.setdefault(_identity(finding), []).append(finding)
    total = len(steps)
    firsts = [
        _with_count(found, total)
        for found in seen.values()
        if found[0].kind not in _LASTING or _lasts(found, trained)
    ]
    return tuple(sorted([*find_run_traps(steps), *firsts], key=lambda f: f.step))


class _StepFinder:
    """Looks at steps; works out once for a graph where its steps can have a trap."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Graph, tuple[Check, ...]]] = {}

    def find(self, trace: Trace) -> tuple[Finding, ...]:
        """Return the traps of a step."""
        found = (check(trace) for check in self._checks(trace.graph))
        return tuple(finding for finding in found if finding is not None)

    def _checks(self, graph: Graph) -> tuple[Check, ...]:
        known = self._known.get(id(graph))
        if known is not None and known[0] is graph:
            return known[1]
        facts = Facts(graph)
        checks = tuple(check for trap in _TRAPS for check in trap(facts))
        if len(self._known) >= _KEPT_GRAPHS:
            self._known.pop(next(iter(self._known)))
        self._known[id(graph)] = graph, checks
        return checks


def _identity(finding: Finding) -> object:
    """Return what is the same for one trap in all steps: its kind, line and title."""
    site = finding.site
    place = None if site is None else (site.file, site.line, site.column)
    return finding.kind, place, finding.title


def _lasts(found: Sequence[Finding], trained: Sequence[int]) -> bool:
    """Whether a trap shows in every step with a backward from its first one on."""
    steps = {finding.step for finding in found}
    return all(step in steps for step in trained if step >= found[0].step)


def _with_count(found: Sequence[Finding], total: int) -> Finding:
    steps = {finding.step for finding in found}
    first = found[0]
    if len(steps) == 1:
        return first
    many = f"all {total:,}" if len(steps) == total else f"{len(steps):,} of {total:,}"
    return replace(first, explanation=f"{first.explanation} So it is in {many} steps.")
