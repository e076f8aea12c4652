"""What a breakpoint must know of a thread's past: where the events before were.

A breakpoint on a module pauses on entering it, one on a phase at its beginning: both
look at the event before. And an autograd node comes twice, before it runs and after.
"""

from dataclasses import dataclass, field
from typing import Final

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.stepping import is_within
from graphscope.model.graph import EventKind, Phase
from graphscope.model.site import Site

LEAF_KINDS: Final = frozenset({EventKind.ACCUMULATE, EventKind.CAPTURE})
"""Gradients that arrive at leaves, in between of the nodes of all modules."""

_MAX_PENDING: Final = 64  # nodes that run inside of each other

Key = tuple[str, str, str, Site | None]
"""What tells the ops of one line apart: op, node, scope and span."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where an op or autograd node was."""

    is_backward: bool
    scope: str
    op: str
    site: Site | None

    @classmethod
    def of(cls, arrival: Arrival) -> "Flow":
        """Return where `arrival` is."""
        is_backward = arrival.kind is EventKind.GRAD
        return cls(is_backward, arrival.scope, arrival.op, arrival.site)


@dataclass(slots=True)
class Visit:
    """One event, which an autograd node makes two arrivals of.

    Attributes:
        reached: Numbers of the breakpoints whose place it is.
        step: Its step.
        node: What it is recognised by when it comes again.
        hits: Numbers of the breakpoints that it was counted for.
    """

    reached: frozenset[int]
    step: int = -1
    node: tuple[str, str, str, tuple[str, ...]] = ("", "", "", ())
    hits: set[int] = field(default_factory=set)


class SeatMemory:
    """The past of one recorded thread; used by that thread only.

    Attributes:
        phase: Step and phase of the event before, None at the beginning.
        flow: Where the op or node before was; gradients at leaves do not change it.
        nodes: Names of the autograd nodes of one op that have run in a row.
        leaf: The line that made the gradient before arrive at a leaf, in this backward.
        line_keys: By breakpoint on a line, what has run since that line was entered.
    """

    def __init__(self) -> None:
        self.phase: tuple[int, Phase] | None = None
        self.flow: Flow | None = None
        self.nodes: frozenset[str] = frozenset()
        self.leaf: Site | None = None
        self.line_keys: dict[int, set[Key]] = {}
        self._pending: list[Visit] = []

    def visit_again(self, arrival: Arrival) -> Visit | None:
        """Return the visit of a node that came before it ran, now that it has."""
        if not self._pending or arrival.is_before:
            return None
        if arrival.kind is not EventKind.GRAD:
            return None
        node = _identity(arrival)
        for position in reversed(range(len(self._pending))):
            visit = self._pending[position]
            if visit.node == node and visit.step == arrival.step:
                del self._pending[position:]
                return visit
        return None

    def visit(self, arrival: Arrival, reached: frozenset[int]) -> Visit:
        """Return the visit of an event that comes for the first time."""
        if not arrival.is_before:
            return Visit(reached)
        visit = Visit(reached, arrival.step, _identity(arrival))
        pending = [v for v in self._pending if v.step == arrival.step]
        self._pending = [*pending[1 - _MAX_PENDING :], visit]
        return visit

    def follow(self, arrival: Arrival) -> None:
        """Make an event the one before."""
        self.phase = (arrival.step, arrival.phase)
        if arrival.kind in LEAF_KINDS:
            self.leaf = arrival.site
            return
        if arrival.kind is not EventKind.GRAD:
            self.leaf = None
        elif not arrival.op:  # a node of an older step: nobody knows where it is
            return
        flow, node = Flow.of(arrival), arrival.node
        is_further = flow == self.flow and node not in self.nodes
        self.nodes = self.nodes | {node} if is_further else frozenset((node,))
        self.flow = flow

    def continues_op(self, arrival: Arrival) -> bool:
        """Whether a node is one more of the op whose node was before.

        A node of the same name is not: the op has run twice, as in a loop.
        """
        is_same = self.flow is not None and self.flow == Flow.of(arrival)
        return is_same and arrival.node not in self.nodes

    def leave(self, scope: str) -> None:
        """Learn that a call of the module `scope` is over: the next is a new one."""
        flow = self.flow
        if flow is None or flow.is_backward:
            return
        if is_within(flow.scope, scope):
            self.flow = None


def _identity(arrival: Arrival) -> tuple[str, str, str, tuple[str, ...]]:
    return (arrival.node, arrival.op, arrival.scope, arrival.names)
