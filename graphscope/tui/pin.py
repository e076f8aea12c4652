"""A node that a panel keeps to while the user moves on, found again in other steps."""

from typing import final

from graphscope.model.trace import Trace
from graphscope.tui.matching import match_node
from graphscope.tui.outline import Node, Outline
from graphscope.tui.words import title_of_node


@final
class Pin:
    """A node, in the step in which it was pinned."""

    def __init__(self, trace: Trace, outline: Outline, node: int) -> None:
        self._trace = trace
        self._outline = outline
        self._node = node
        self._known: tuple[Outline, int | None] | None = None

    @property
    def title(self) -> str:
        """What the node is called where it was pinned."""
        return title_of_node(self._trace, self._outline.nodes[self._node])

    def find(self, trace: Trace, outline: Outline) -> int | None:
        """Return the same node of another step, None when that has none."""
        if outline is self._outline:
            return self._node
        if self._known is None or self._known[0] is not outline:
            before = (self._trace, self._outline, self._node)
            self._known = outline, match_node(*before, trace, outline)
        return self._known[1]

    def find_node(self, trace: Trace, outline: Outline) -> Node | None:
        """Return the same node of another step itself."""
        found = self.find(trace, outline)
        return None if found is None else outline.nodes[found]
