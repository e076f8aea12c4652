"""Numbers over the steps, read once for each node and remembered."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from graphscope.errors import GraphscopeError
from graphscope.model.graph import Role
from graphscope.model.trace import Trace
from graphscope.tui.feed import Feed
from graphscope.tui.inspector import History
from graphscope.tui.outline import Node
from graphscope.tui.words import name_of_node

_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class HistoryKey:
    """Whose numbers, and what there was when they were asked for.

    `changes` counts how often the recording changed: its last step may be a draft.
    """

    name: str
    gradient_role: Role
    changes: int


class Histories:
    """A small cache; remembers also what is being read."""

    def __init__(self) -> None:
        self._found: OrderedDict[HistoryKey, History] = OrderedDict()
        self._reading: HistoryKey | None = None
        self._last: dict[tuple[str, Role], History] = {}

    def get(self, key: HistoryKey | None) -> History | None:
        """Return what is known already."""
        return None if key is None else self._found.get(key)

    def last(self, key: HistoryKey | None) -> History | None:
        """Return what was known of the same node last: better than a gap meanwhile."""
        return None if key is None else self._last.get((key.name, key.gradient_role))

    def begin(self, key: HistoryKey) -> bool:
        """Whether `key` must be read now; only the last one asked for is."""
        if key == self._reading:
            return False
        self._reading = key
        return True

    def put(self, key: HistoryKey, history: History) -> None:
        """Keep what was read."""
        self._found[key] = self._last[key.name, key.gradient_role] = history
        if key == self._reading:
            self._reading = None
        if len(self._found) > _KEPT:
            self._found.popitem(last=False)


def key_of_node(trace: Trace, node: Node, changes: int) -> HistoryKey | None:
    """Return whose numbers a node of a step shows; None for one without a name."""
    name = name_of_node(trace, node)
    if node.value is None or not name:
        return None
    is_leaf = trace.graph.values[node.value].is_leaf
    return HistoryKey(name, Role.ARRIVED if is_leaf else Role.GRAD_OUTPUT, changes)


def read_history(feed: Feed, key: HistoryKey, is_wanted: Callable[[], bool]) -> History:
    """Read the numbers of a node over the steps; for worker threads."""
    try:
        return History(
            feed.series(key.name, Role.VALUE, is_wanted=is_wanted),
            feed.series(key.name, key.gradient_role, is_wanted=is_wanted),
        )
    except GraphscopeError:
        return History()
