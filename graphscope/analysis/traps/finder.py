"""All traps in one step, or in all steps of a recording, each of them once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
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
from graphscope.errors import GraphscopeError
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph
from graphscope.model.site import Site
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

_UNFIT: Final = (GraphscopeError, ArithmeticError, LookupError, TypeError, ValueError)
_KEPT_GRAPHS: Final = 8
_FIRST_STEPS: Final = 4
_MOST_PAIRS: Final = 64


def find_traps_of_step(trace: Trace) -> tuple[Finding, ...]:
    """Return what is wrong in one step, looked at alone."""
    return TrapFinder().find(trace)


def find_run_traps(steps: Recording | Sequence[Trace]) -> tuple[Finding, ...]:
    """Return what only shows over several steps; reads all losses, but few steps."""
    first = [steps[i] for i in range(min(_FIRST_STEPS, len(steps)))]
    found = [_ask(partial(find_zeroing_trap, *pair)) for pair in pairwise(first)]
    exploding = _ask(partial(find_learning_rate_trap, steps, _losses_of(steps)))
    return _once([*found, exploding])


def find_traps(steps: Recording | Sequence[Trace]) -> tuple[Finding, ...]:
    """Return what is wrong in a recording, each trap at the step where it shows first.

    Reads every step. A trap that shows in several says in how many.
    """
    finder, seen = TrapFinder(), dict[object, list[Finding]]()
    trained: list[tuple[int, frozenset[object]]] = []
    over_steps: list[Finding | None] = []
    pairs: dict[tuple[int, int], tuple[Graph, Graph]] = {}
    before: Trace | None = None
    for trace in steps:
        for finding in finder.find(trace):
            seen.setdefault(identity_of(finding), []).append(finding)
        if trace.graph.roots:
            trained.append((trace.step, finder.places(trace.graph)))
        if before is not None and len(pairs) < _MOST_PAIRS:
            key = id(before.graph), id(trace.graph)
            if key not in pairs:  # the first time that such a step follows such a one
                pairs[key] = before.graph, trace.graph
                over_steps.append(_ask(partial(find_zeroing_trap, before, trace)))
        before = trace
    exploding = partial(find_learning_rate_trap, steps, _losses_of(steps))
    over_steps.append(_ask(exploding))
    firsts = [
        _with_count(found, len(steps))
        for found in seen.values()
        if found[0].kind not in _LASTING or _lasts(found, trained)
    ]
    return tuple(sorted([*_once(over_steps), *firsts], key=lambda f: f.step))


def find_traps_at(trace: Trace, known: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return those of a recording's findings that show in one of its steps.

    With the numbers of that step, where it has its own.
    """
    identities = {identity_of(finding) for finding in known}
    own = [f for f in find_traps_of_step(trace) if identity_of(f) in identities]
    mine = {identity_of(finding) for finding in own}
    others = (f for f in known if f.step == trace.step and identity_of(f) not in mine)
    return (*own, *others)


def identity_of(finding: Finding) -> object:
    """Return what is the same for one trap in all steps: its kind, line and title."""
    return finding.kind, _place_of(finding.site), finding.title


class TrapFinder:
    """Looks at steps; works out once for a graph where its steps can have a trap."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Graph, tuple[Check, ...], frozenset[object]]] = {}

    def find(self, trace: Trace) -> tuple[Finding, ...]:
        """Return the traps of a step."""
        _, checks, _ = self._look_at(trace.graph)
        found = (_ask(partial(check, trace)) for check in checks)
        return tuple(finding for finding in found if finding is not None)

    def places(self, graph: Graph) -> frozenset[object]:
        """Return the places in the source at which a graph has an op."""
        return self._look_at(graph)[2]

    def _look_at(
        self, graph: Graph
    ) -> tuple[Graph, tuple[Check, ...], frozenset[object]]:
        known = self._known.get(id(graph))
        if known is not None and known[0] is graph:
            return known
        facts = Facts(graph)
        checks = tuple(check for trap in _TRAPS for check in _suspect(trap, facts))
        places = frozenset(_place_of(op.site) for op in graph.ops)
        if len(self._known) >= _KEPT_GRAPHS:
            self._known.pop(next(iter(self._known)))
        self._known[id(graph)] = found = graph, checks, places
        return found


def _ask(judge: Callable[[], Finding | None]) -> Finding | None:
    """Return what a trap finds; nothing of numbers that do not fit their graph.

    A stranger's recording may hold such. It can still be looked at without the traps.
    """
    try:
        return judge()
    except _UNFIT:
        return None


def _suspect(
    trap: Callable[[Facts], Iterator[Check]], facts: Facts
) -> tuple[Check, ...]:
    try:
        return tuple(trap(facts))
    except _UNFIT:
        return ()


def _place_of(site: Site | None) -> object:
    return None if site is None else (site.file, site.line, site.column)


def _losses_of(steps: Recording | Sequence[Trace]) -> Sequence[float | None]:
    if isinstance(steps, Sequence):
        return [trace.loss() for trace in steps]
    return steps.losses()


def _once(findings: Iterable[Finding | None]) -> tuple[Finding, ...]:
    """Leave out what was found before."""
    found: dict[object, Finding] = {}
    for finding in findings:
        if finding is not None:
            found.setdefault(identity_of(finding), finding)
    return tuple(found.values())


def _lasts(
    found: Sequence[Finding], trained: Sequence[tuple[int, frozenset[object]]]
) -> bool:
    """Whether a trap shows in every later training step that runs the same line."""
    steps, place = {finding.step for finding in found}, _place_of(found[0].site)
    return all(
        step in steps
        for step, places in trained
        if step >= found[0].step and place in places
    )


def _with_count(found: Sequence[Finding], total: int) -> Finding:
    steps = {finding.step for finding in found}
    first = found[0]
    if len(steps) == 1:
        return first
    many = f"all {total:,}" if len(steps) == total else f"{len(steps):,} of {total:,}"
    return replace(first, explanation=f"{first.explanation} So it is in {many} steps.")
