"""Finding graphs that live too long, from what each step says is still alive.

One or two old graphs are ordinary: a variable holds the last loss until the next one is
computed, one of two optimizers has its turn later. Three of one line are a history.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.retained.scene import (
    Chain,
    Held,
    Scene,
    find_chain,
    is_explained,
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
MANY_UNKNOWN: Final = 30
"""Likewise where nobody was found to hold them: a reference cycle keeps a few too."""

_REMEMBERED: Final = 40
_FEWEST_TENSORS: Final = 2


class KeptCheck:
    """Looks at what is alive at the end of each step; tells of each holder once."""

    def __init__(self) -> None:
        self._graphs: deque[tuple[int, Graph]] = deque(maxlen=_REMEMBERED)
        self._told: set[object] = set()

    def see(self, trace: Trace, facts: Facts) -> Iterable[Finding]:
        """Look at the next step."""
        self._graphs.append((trace.step, trace.graph))
        if not any(kept.count >= MANY for kept in trace.kept):
            return ()
        return self._judge(Scene(trace, facts, dict(self._graphs)))

    def finish(self) -> tuple[Finding, ...]:
        """Return nothing more: what is alive shows in the steps."""
        return ()

    def _judge(self, scene: Scene) -> Iterator[Finding]:
        many = [kept for kept in scene.trace.kept if kept.count >= MANY]
        holders = _group(many)
        for one in holders:
            if self._is_news(one.holder.name, one.holder.function):
                yield tell_held(scene, one)
        held = [kept for one in holders for kept in one.kept]
        rest = [
            kept
            for kept in many
            if kept not in held and not any(is_explained(scene, kept, o) for o in held)
        ]
        yield from self._judge_rest(scene, rest)

    def _judge_rest(self, scene: Scene, rest: Sequence[KeptGraph]) -> Iterator[Finding]:
        """Judge what no variable or container was found to hold."""
        through = [kept for kept in rest if kept.hold in (Hold.GRAPH, Hold.OTHER)]
        chain = find_chain(scene, through) if through else None
        if chain is not None:
            if self._is_news("chain", *_places(chain)):
                yield tell_chain(scene, chain)
            return
        unknown = [kept for kept in rest if kept.count >= MANY_UNKNOWN]
        if unknown and self._is_news("unknown", unknown[0].name):
            yield tell_unknown(scene, unknown[0])

    def _is_news(self, *key: object) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True


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


def _places(chain: Chain) -> tuple[object, ...]:
    return tuple(op.site for op in chain.ops)
