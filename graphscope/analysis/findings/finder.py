"""All findings in one step, looked at alone."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Check, Facts
from graphscope.analysis.evidence.over_steps import RunCheck
from graphscope.analysis.findings.checks import STEP_CHECKS
from graphscope.errors import GraphscopeError
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph
from graphscope.model.site import Site
from graphscope.model.trace import Trace

UNFIT: tuple[type[Exception], ...] = (
    GraphscopeError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a check may raise of numbers that do not fit their graph.

A stranger's recording may hold such. It can still be looked at without the check.
"""

quiet = partial(np.errstate, all="ignore")
"""Keeps NumPy's warnings about huge numbers from the user, whose numbers they are."""

_KEPT_GRAPHS: Final = 8


@dataclass(frozen=True, slots=True)
class _Known:
    """What was worked out for a graph, which is kept so that its id stays its own."""

    graph: Graph
    facts: Facts
    checks: tuple[Check, ...]
    places: frozenset[object]


def find_in_step(trace: Trace) -> tuple[Finding, ...]:
    """Return what is wrong in one step, looked at alone."""
    return StepFinder().find(trace)


class StepFinder:
    """Looks at steps; works out once for a graph where its steps can have a fault."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def find(self, trace: Trace) -> tuple[Finding, ...]:
        """Return what is wrong in a step."""
        found: list[Finding] = []
        with quiet():
            for check in self._look_at(trace.graph).checks:
                try:
                    finding = check(trace)
                except UNFIT:
                    continue
                if finding is not None:
                    found.append(finding)
        return tuple(found)

    def places(self, graph: Graph) -> frozenset[object]:
        """Return the places in the source at which a graph has an op."""
        return self._look_at(graph).places

    def facts(self, graph: Graph) -> Facts:
        """Return what is known of a graph."""
        return self._look_at(graph).facts

    def _look_at(self, graph: Graph) -> _Known:
        known = self._known.get(id(graph))
        if known is not None and known.graph is graph:
            return known
        facts = Facts(graph)
        checks = tuple(check for find in STEP_CHECKS for check in _suspect(find, facts))
        places = frozenset(place_of(op.site) for op in graph.ops)
        if len(self._known) >= _KEPT_GRAPHS:
            self._known.pop(next(iter(self._known)))
        self._known[id(graph)] = found = _Known(graph, facts, checks, places)
        return found


def place_of(site: Site | None) -> object:
    """Return what is the same for all sites of one place in the source."""
    return None if site is None else (site.file, site.line, site.column)


def ask(judge: Callable[[], Finding | None]) -> Finding | None:
    """Return what a check finds; nothing of numbers that do not fit their graph."""
    try:
        with quiet():
            return judge()
    except UNFIT:
        return None


def see_all(checks: Iterable[RunCheck], trace: Trace, facts: Facts) -> list[Finding]:
    """Let checks look at a step; return what they can tell already."""
    found: list[Finding] = []
    with quiet():
        for check in checks:
            try:
                found.extend(check.see(trace, facts))
            except UNFIT:
                continue
    return found


def ask_all(judge: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    """Return all that a check finds; nothing of numbers that do not fit."""
    try:
        with quiet():
            return tuple(judge())
    except UNFIT:
        return ()


def _suspect(
    find: Callable[[Facts], Iterator[Check]], facts: Facts
) -> tuple[Check, ...]:
    try:
        return tuple(find(facts))
    except UNFIT:
        return ()
