"""Finding graphs that live too long, from what each step says is still alive.

One or two old graphs are ordinary: a variable holds the last loss until the next one is
computed, one of two optimizers has its turn later. Three of one line are a history. It
may still be wanted: losses of several updates that one backward runs together later. So
it is told when the run is over, or when there are many, and not where that came.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.retained.scene import (
    Chain,
    Cost,
    Held,
    Scene,
    find_chain,
    is_explained,
    used_names,
    weigh,
)
from graphscope.analysis.why.retained.telling import (
    tell_chain,
    tell_held,
    tell_unknown,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph
from graphscope.model.kept import Hold, Holder, KeptGraph
from graphscope.model.trace import Trace

MANY: Final = 3
"""Graphs of earlier steps, of one line, that are too many."""
AT_ONCE: Final = 32
"""So many are told while the run goes on."""
MANY_UNKNOWN: Final = 30
"""Too many where nobody was found to hold them: a reference cycle keeps a few too."""

_REMEMBERED: Final = 40
_FEWEST_TENSORS: Final = 2
_KNOWN_GRAPHS: Final = 16
_MOST_RENEWALS: Final = 8

Line = tuple[str, object]
"""What is the same for the values of one line: their name and their site."""


@dataclass(slots=True)
class _Case:
    """What keeps graphs alive, as of the step in which most of them were.

    Attributes:
        scene: That step.
        what: A holder, a chain, or values that nobody was found to hold.
        cost: What one of the steps costs, as it was when they were few.
        count: How many graphs are alive.
        alive: How many were at the end of the last step.
        used: How many were alive when a later backward had run them, -1 before that.
        is_used: Whether they were let go after that.
        is_wasted: Whether more of them came to be alive after that.
        is_told: Whether it was told.
        renewals: How often a chain was looked for again.
    """

    scene: Scene
    what: Held | Chain | KeptGraph
    cost: Cost
    count: int
    alive: int = 0
    used: int = -1
    is_used: bool = False
    is_wasted: bool = False
    is_told: bool = False
    renewals: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether the graphs are alive for a backward that was still to come."""
        return self.is_used or (self.used >= 0 and not self.is_wasted)

    def lines(self) -> frozenset[Line]:
        """Return the lines whose graphs are alive."""
        kept = (self.what,) if isinstance(self.what, KeptGraph) else self.what.kept
        return frozenset(map(_line_of, kept))

    def note_use(self, alive: int, *, is_run: bool) -> None:
        """Note how many graphs are alive at the end of a step, and if it ran them.

        A list of tensors is used by one backward of theirs. What each step hangs on
        the last may be run again and again, by backwards that never free it.
        """
        before, self.alive = self.alive, alive
        if isinstance(self.what, Held):
            self.is_used = self.is_used or is_run
        elif self.used < 0 and is_run:
            self.is_used, self.used = alive < before, alive
        elif 0 <= self.used < alive:
            self.is_wasted = True
        elif alive < self.used:
            self.is_used = True

    def tell(self) -> Finding:
        """Return the finding."""
        match self.what:
            case Held():
                return tell_held(self.scene, self.what, self.cost)
            case Chain():
                return tell_chain(self.scene, self.what, self.cost)
            case _:
                return tell_unknown(self.scene, self.what, self.cost)


class KeptCheck:
    """Looks at what is alive at the end of each step."""

    def __init__(self) -> None:
        self._graphs: deque[tuple[int, Graph]] = deque(maxlen=_REMEMBERED)
        self._cases: dict[object, _Case] = {}
        self._settled: dict[Line, object] = {}
        self._used: dict[int, tuple[Graph, frozenset[str]]] = {}

    def see(self, trace: Trace, facts: Facts) -> Iterable[Finding]:
        """Look at the next step."""
        self._graphs.append((trace.step, trace.graph))
        if self._cases:
            self._note_use(trace)
        many = [kept for kept in trace.kept if kept.count >= MANY]
        if not many:
            return ()
        plain = replace(trace, observations=())
        self._look(Scene(plain, facts, dict(self._graphs)), many)
        return self._tell_many()

    def finish(self) -> tuple[Finding, ...]:
        """Return what is not told yet, and was not wanted."""
        cases = self._cases.values()
        return tuple(c.tell() for c in cases if not (c.is_wanted or c.is_told))

    def _tell_many(self) -> Iterator[Finding]:
        for case in self._cases.values():
            if case.count >= AT_ONCE and not (case.is_told or case.is_wanted):
                case.is_told = True
                yield case.tell()

    def _note_use(self, trace: Trace) -> None:
        """Note which of the graphs that are alive the step's backward has run."""
        graph = trace.graph
        known = self._used.get(id(graph))
        if known is None or known[0] is not graph:
            if len(self._used) >= _KNOWN_GRAPHS:
                self._used.pop(next(iter(self._used)))
            known = self._used[id(graph)] = graph, used_names(graph)
        alive = {_line_of(kept): kept.count for kept in trace.kept}
        for case in self._cases.values():
            lines = case.lines()
            case.note_use(
                max(alive.get(line, 0) for line in lines),
                is_run=not known[1].isdisjoint(name for name, _ in lines),
            )

    def _look(self, scene: Scene, many: Sequence[KeptGraph]) -> None:
        """Note what keeps the graphs of some lines alive."""
        holders = _group(many)
        for one in holders:
            holder = one.holder
            key = holder.name, holder.container, holder.function
            self._note(key, scene, one, one.kept)
        held = [kept for one in holders for kept in one.kept]
        rest = []
        for kept in many:
            if kept in held:
                continue
            line = _line_of(kept)
            if line not in self._settled and any(
                is_explained(scene, kept, other) for other in held
            ):
                self._settled[line] = None
            if line not in self._settled:
                rest.append(kept)
            elif self._settled[line] is not None:
                self._update(self._settled[line], scene, kept.count)
        self._look_at_rest(scene, rest)

    def _look_at_rest(self, scene: Scene, rest: Sequence[KeptGraph]) -> None:
        """Note what no variable or container was found to hold."""
        through = [kept for kept in rest if kept.hold in (Hold.GRAPH, Hold.OTHER)]
        chain = find_chain(scene, through) if through else None
        if chain is not None:
            key = ("chain", *(op.site for op in chain.ops))
            self._note(key, scene, chain, chain.kept)
            self._settled.update((_line_of(kept), key) for kept in through)
            return
        unknown = [kept for kept in rest if kept.count >= MANY_UNKNOWN]
        if unknown:
            self._note(_line_of(unknown[0]), scene, unknown[0], unknown[:1])

    def _note(
        self,
        key: object,
        scene: Scene,
        what: Held | Chain | KeptGraph,
        kept: Sequence[KeptGraph],
    ) -> None:
        count = max(one.count for one in kept)
        case = self._cases.get(key)
        if case is None:
            self._cases[key] = _Case(scene, what, weigh(scene, kept), count, count)
        elif count > case.count and not isinstance(what, Chain):
            case.scene, case.what, case.count = scene, what, count

    def _update(self, key: object, scene: Scene, count: int) -> None:
        """Note that a chain has become longer."""
        case = self._cases[key]
        if count <= case.count or not isinstance(case.what, Chain):
            return
        lines = case.lines()
        kept = tuple(one for one in scene.trace.kept if _line_of(one) in lines)
        if scene.trace.graph is case.scene.trace.graph:
            chain: Chain | None = replace(case.what, kept=kept)
        elif case.renewals < _MOST_RENEWALS:
            case.renewals += 1
            chain = find_chain(scene, kept)
        else:
            return
        if chain is not None:
            case.scene, case.what, case.count = scene, chain, count


def _line_of(kept: KeptGraph) -> Line:
    return kept.name, kept.site


def _group(many: Sequence[KeptGraph]) -> list[Held]:
    """Return those who hold several tensors of a line, with all lines that they hold.

    What is called the same in two functions, and holds the same lines, is told once.
    """
    found: dict[tuple[str, str, str], tuple[Holder, list[KeptGraph]]] = {}
    for kept in many:
        for holder in kept.holders:
            if holder.count >= _FEWEST_TENSORS:
                key = holder.name, holder.container, holder.function
                found.setdefault(key, (holder, []))[1].append(kept)
    return [Held(tuple(lines), holder) for holder, lines in found.values()]
