"""Parameters that never get a gradient in a run, one finding for each cause."""

from collections.abc import Iterable, Iterator
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.missing.ending import unused_reason
from graphscope.analysis.why.missing.explain import reason_of, to_finding
from graphscope.analysis.why.missing.judge import Run, is_suspicious
from graphscope.analysis.why.missing.leaves import has_arrived
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Reason
from graphscope.analysis.why.missing.seen import Seen, see_graph
from graphscope.analysis.why.missing.unasked import (
    find_emptied,
    find_no_backward,
    find_not_leaves,
    find_only_captured,
    find_replaced,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph
from graphscope.model.trace import Status, Trace

_KEPT_GRAPHS: Final = 8
_MOST_LOOKS: Final = 8


class MissingCheck:
    """Follows which parameters get a gradient, and looks closer at the end.

    Only what a run never gives a gradient to is a fault: what one step leaves out,
    another may train.
    """

    def __init__(self) -> None:
        self._graphs: dict[int, tuple[Graph, Seen]] = {}
        self._looks: list[Look] = []
        self._first: dict[str, Look] = {}
        self._emptied: Look | None = None
        self._update: Look | None = None
        self._got: set[str] = set()
        self._captured: set[str] = set()
        self._held: set[str] = set()
        self._filled: set[str] = set()
        self._by_hand: set[str] = set()
        self._has_update = False
        self._steps = 0
        self._last = -1
        self._is_whole = True

    def see(self, trace: Trace, facts: Facts) -> Iterable[Finding]:
        """Take down which parameters got a gradient; look at a new graph only."""
        self._is_whole &= trace.step == self._last + 1 or self._last < 0
        self._last = trace.step
        known = self._graphs.get(id(trace.graph))
        is_new = known is None or known[0] is not trace.graph
        seen = self._take(trace.graph) if known is None or is_new else known[1]
        is_training = seen.has_backward and trace.status is not Status.ABORTED
        self._steps += is_training
        is_open = not seen.is_exact and not seen.accumulated <= self._filled
        if is_new or is_open:
            self._note(Look(trace, facts), seen, is_training=is_training)
        return ()

    def finish(self) -> Iterable[Finding]:
        """Return what no step of the run gave a gradient to, by the cause."""
        run = self._run()
        found = list(self._never(run))
        found += find_replaced(self._looks)
        found += find_not_leaves(self._looks)
        if self._emptied is not None:
            found += find_emptied(self._emptied, self._got)
        if self._update is not None and not (self._steps or self._filled):
            found += find_no_backward(self._update)
        only = (self._captured & self._held) - self._filled - self._by_hand
        if only and self._looks:
            found += find_only_captured(self._looks, only)
        return found

    def _take(self, graph: Graph) -> Seen:
        if len(self._graphs) >= _KEPT_GRAPHS:
            self._graphs.pop(next(iter(self._graphs)))
        seen = see_graph(graph)
        self._graphs[id(graph)] = graph, seen
        return seen

    def _note(self, look: Look, seen: Seen, *, is_training: bool) -> None:
        got = seen.accumulated
        if not seen.is_exact:
            got = frozenset(n for n in got - self._filled if _has_come(look, n))
        self._got |= got | seen.captured
        self._filled |= got
        self._captured |= seen.captured
        self._held |= seen.held
        self._by_hand |= seen.by_hand
        self._has_update |= seen.has_update
        if is_training:
            for name in seen.wanted:
                if name not in self._got:
                    self._first.setdefault(name, look)
        if seen.emptied and self._emptied is None:
            self._emptied = look
        if seen.has_update and self._update is None:
            self._update = look
        if len(self._looks) < _MOST_LOOKS:
            self._looks.append(look)

    def _run(self) -> Run:
        return Run(
            held=frozenset(self._held),
            got=frozenset(self._got),
            by_hand=frozenset(self._by_hand),
            has_update=self._has_update,
            steps=self._steps,
            is_whole=self._is_whole,
        )

    def _never(self, run: Run) -> Iterator[Finding]:
        groups: dict[object, tuple[Look, Reason, list[str]]] = {}
        for name, look in self._first.items():
            if name in run.got:
                continue
            reason = _reason_for(look, name)
            if is_suspicious(look, name, reason, run):
                groups.setdefault(reason.key, (look, reason, []))[2].append(name)
        for look, reason, names in groups.values():
            yield to_finding(look.trace, reason, names)


def _has_come(look: Look, name: str) -> bool:
    leaf = look.leaf_named(name)
    return leaf is not None and has_arrived(look, leaf)


def _reason_for(look: Look, name: str) -> Reason:
    leaf = look.leaf_named(name)
    return unused_reason(look, name) if leaf is None else reason_of(look, leaf)
