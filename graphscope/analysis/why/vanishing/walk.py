"""Where a gradient becomes 0 on its way back: from a value up to the break.

Separate from why it does, because the walk knows nothing of operators: only what
arrived at each autograd node and what it sent on.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from graphscope.analysis.chain.backward import Backward, find_backwards
from graphscope.analysis.chain.links import Place, place_of
from graphscope.analysis.evidence.reading import is_zero
from graphscope.model.graph import Graph, Role
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace

Edge = tuple[int, int]
"""A grad node and which of its edges."""


class Kind(Enum):
    """What happens at a break."""

    NODE = "something arrives at a node, and it sends 0 on"
    CANCELLED = "what several edges bring adds up to 0"
    SEED = "backward itself began with 0"
    UNREAD = "what arrived was not kept"


@dataclass(frozen=True, slots=True)
class Break:
    """The place at which a gradient becomes 0.

    Attributes:
        kind: What happens there.
        place: The place behind it, where 0 arrives.
        node: The grad node that sends 0; None where no single one does.
        position: Which of its edges.
        route: The places from `place` to that of the value asked about.
    """

    kind: Kind
    place: Place
    node: int | None
    position: int
    route: tuple[Place, ...]


@dataclass(frozen=True)
class Flow:
    """The gradients of one backward, to be followed up and down.

    Attributes:
        backward: The backward.
        senders: Place -> the edges that lead there.
        arrived: Grad node -> output -> what arrived at it.
    """

    backward: Backward
    senders: dict[Place, list[Edge]]
    arrived: dict[int, dict[int, Observation | None]]

    @property
    def graph(self) -> Graph:
        """The graph of the step."""
        return self.backward.trace.graph

    def sent(self, edge: Edge) -> Observation | None:
        """Return what was sent along an edge."""
        return self.backward.seen(Role.EDGE, *edge)

    def at(self, place: Place) -> Observation | None:
        """Return what arrived at a place."""
        leaf = self.graph.grad_nodes[place[0]].leaf
        if leaf is not None:
            return self.backward.arrived(leaf)
        return self.arrived.get(place[0], {}).get(place[1])

    def largest_arrived(self, node: int) -> Observation | None:
        """Return what arrived at a node, of several outputs the largest."""
        return max(self.arrived.get(node, {}).values(), key=size, default=None)


def flow_to(trace: Trace, value: int) -> Flow | None:
    """Return the last backward that brought a gradient to a value."""
    found: Backward | None = None
    for root in trace.graph.roots:
        for backward in find_backwards(trace, root):
            slot = backward.arrivals.get(value)
            if slot is not None and (found is None or slot > found.arrivals[value]):
                found = backward
    return None if found is None else read_flow(found)


def read_flow(backward: Backward) -> Flow:
    """Order the gradients of a backward by where they went."""
    nodes = backward.trace.graph.grad_nodes
    senders: defaultdict[Place, list[Edge]] = defaultdict(list)
    for node in backward.events:
        for position, edge in enumerate(nodes[node].edges):
            if edge.target is not None:
                senders[edge.target, edge.output].append((node, position))
    arrived: defaultdict[int, dict[int, Observation | None]] = defaultdict(dict)
    for (role, node, output), slot in backward.slots.items():
        if role is Role.GRAD_OUTPUT:
            arrived[node][output] = backward.trace.seen(slot)
    return Flow(backward, dict(senders), dict(arrived))


def find_breaks(flow: Flow, value: int) -> tuple[Break, ...]:
    """Return every place at which the gradient of a value becomes 0.

    Args:
        flow: The backward.
        value: A value whose gradient is all 0.
    """
    start = place_of(flow.graph, value)
    return () if start is None else tuple(_breaks(flow, start))


def _breaks(flow: Flow, start: Place) -> Iterator[Break]:
    waiting: list[tuple[Place, ...]] = [(start,)]
    seen = {start}
    for route in waiting:
        place = route[0]
        sent = [(edge, flow.sent(edge)) for edge in flow.senders.get(place, ())]
        brought = [(edge, found) for edge, found in sent if found is not None]
        whole = _judge_place(brought)
        if whole is not None:
            yield Break(whole, place, None, 0, route)
            continue
        for (node, position), _ in brought:
            kind = _judge_node(flow, node)
            if kind is not None:
                yield Break(kind, place, node, position, route)
                continue
            above = [(node, output) for output in flow.arrived.get(node, ())]
            waiting += [(one, *route) for one in above if one not in seen]
            seen.update(above)


def _judge_place(brought: Sequence[tuple[Edge, Observation]]) -> Kind | None:
    """Say why 0 arrives where the edges bring something; None where they bring 0."""
    if not brought:
        return Kind.SEED
    others = [found for _, found in brought if not is_zero(found)]
    if not others:
        return None
    is_known = all(found.stats is not None for found in others)
    return Kind.CANCELLED if is_known else Kind.UNREAD


def _judge_node(flow: Flow, node: int) -> Kind | None:
    """Say what a node that sends 0 does; None when only 0 arrived there."""
    arrived = flow.arrived.get(node, {}).values()
    others = [seen for seen in arrived if seen is not None and not is_zero(seen)]
    if not others:
        return None
    is_known = all(seen.stats is not None for seen in others)
    return Kind.NODE if is_known else Kind.UNREAD


def source_of(graph: Graph, node: int, position: int) -> int | None:
    """Return the value that a node's edge leads to, also through the op's own nodes."""
    made_by = graph.grad_nodes[node].op
    edge = graph.grad_nodes[node].edges[position]
    while edge.value is None and edge.target is not None:
        inner = graph.grad_nodes[edge.target]
        if inner.op != made_by or len(inner.edges) != 1:
            return None
        edge = inner.edges[0]
    return edge.value


def value_at(graph: Graph, place: Place) -> int | None:
    """Return the value whose gradient arrives at a place."""
    node = graph.grad_nodes[place[0]]
    if node.leaf is not None:
        return node.leaf
    return node.outputs[place[1]] if place[1] < len(node.outputs) else None


def strongest_way(flow: Flow, place: Place) -> Sequence[Place]:
    """Return the places from where backward began to `place`.

    Where several edges lead to a place, the way goes along the one that brought most.
    """
    way, seen = [place], {place}
    while flow.senders.get(way[-1]):
        edges = flow.senders[way[-1]]
        node, _ = max(edges, key=lambda edge: size(flow.sent(edge)))
        outputs = flow.arrived.get(node)
        if not outputs:
            break
        above = node, max(outputs, key=lambda output: size(outputs[output]))
        if above in seen:
            break
        seen.add(above)
        way.append(above)
    return way[::-1]


def size(seen: Observation | None) -> float:
    """Return the norm of a gradient; less than that of any where none is known."""
    stats = None if seen is None else seen.stats
    return -1.0 if stats is None else stats.l2
