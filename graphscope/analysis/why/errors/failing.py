"""The backward that an exception ended: where it began, and at which node it was.

The recording has no event that says so. A backward runs the nodes behind its roots,
those that were made last first, and one that raised has sent nothing along its edges.
"""

from collections import defaultdict
from collections.abc import Sequence, Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from graphscope.model.graph import (
    Event,
    EventKind,
    GradNode,
    Graph,
    Op,
    OpKind,
    Role,
)
from graphscope.model.site import Site

_ACCUMULATE: Final = "AccumulateGrad"
_BACKWARDS: Final = frozenset({"backward", "grad"})


@dataclass(frozen=True, slots=True)
class Backward:
    """One run of backward, as far as it got.

    Attributes:
        root: Id of the value that it started from.
        begin: Index of its first event; one past the last where it ran no node.
        site: The user's line that called it.
        node: Id of the node that raised; None when it is not known.
    """

    root: int
    begin: int
    site: Site | None
    node: int | None


def find_failing_backward(graph: Graph) -> Backward | None:
    """Return the backward that raised, None when none did.

    Asked of a step that an exception has ended, and of which the exception says that
    it came from a backward.
    """
    call = raised_op(graph)
    if call is not None and is_backward(call) and call.inputs:
        root = call.inputs[0]
        begin = graph.op_events[call.id]
        return Backward(root, begin, call.site, graph.values[root].grad_node)
    events = [e for e in graph.events if e.kind is EventKind.GRAD]
    start = _find_start(graph, events)
    if start is None:
        return None
    first, root = start
    ran = [e for e in events if e.index >= first.index]
    node = _find_node(graph, root, ran)
    if node is None and not _is_cut_short(graph, root):
        return None
    return Backward(root, first.index, ran[-1].site, node)


def raised_op(graph: Graph) -> Op | None:
    """Return the call that raised the exception which ended the step."""
    last = graph.ops[-1] if graph.ops else None
    is_it = last is not None and last.kind is OpKind.GAP
    return last if last and is_it and last.note.startswith("raised ") else None


def is_backward(op: Op) -> bool:
    """Whether a call is one of backward, and not of an op."""
    return op.name in _BACKWARDS


def root_of(graph: Graph, event: int) -> int | None:
    """Return the value that the backward of an event started from."""
    roots = {graph.values[root].grad_node: root for root in graph.roots}
    for earlier in reversed(graph.events[: event + 1]):
        if earlier.kind is EventKind.GRAD and earlier.grad_node in roots:
            return roots[earlier.grad_node]
    return None


def nodes_behind(graph: Graph, node: int) -> dict[int, int]:
    """Return the nodes that gradients reach from one, with how many edges lead there.

    The counts are what the engine waits for before it runs a node.
    """
    found = {node: 0}
    waiting = [node]
    while waiting:
        for edge in graph.grad_nodes[waiting.pop()].edges:
            if edge.target is None:
                continue
            if edge.target not in found:
                found[edge.target] = 0
                waiting.append(edge.target)
            found[edge.target] += 1
    return found


def _find_start(graph: Graph, events: Sequence[Event]) -> tuple[Event, int] | None:
    """Return the first event of the last backward, and the root.

    A root may lie behind another one: of several possible beginnings it is the
    earliest from which everything that ran since could be reached, once.
    """
    roots = {graph.values[root].grad_node: root for root in graph.roots}
    found, ran = None, set[int]()
    for event in reversed(events):
        node = event.grad_node
        if node is None or node in ran or event.site != events[-1].site:
            break
        ran.add(node)
        root = roots.get(node)
        if root is not None and _can_reach(graph, node, ran):
            found = event, root
    return found


def _can_reach(graph: Graph, start: int, ran: AbstractSet[int]) -> bool:
    """Whether one backward from a node can have run all of these.

    Where nodes of earlier steps lead is not known.
    """
    behind = nodes_behind(graph, start)
    return all(node in behind or graph.grad_nodes[node].op is None for node in ran)


def _find_node(graph: Graph, root: int, ran: Sequence[Event]) -> int | None:
    """Return the node that raised: one that began, or that which is next."""
    if not _has_sent(graph, ran[-1]):
        return ran[-1].grad_node
    ready = _ready_nodes(graph, root, ran)
    return max(ready, key=_order_of).id if ready else None


def _has_sent(graph: Graph, event: Event) -> bool:
    first, stop = event.slots
    return any(slot.role is Role.EDGE for slot in graph.slots[first:stop])


def _ready_nodes(graph: Graph, root: int, ran: Sequence[Event]) -> list[GradNode]:
    """Return the nodes that have got all gradients and did not run."""
    start = graph.values[root].grad_node
    if start is None:
        return []
    due = nodes_behind(graph, start)
    got: defaultdict[int, int] = defaultdict(int)
    done = {event.grad_node for event in ran}
    for node in done:
        for edge in graph.grad_nodes[node].edges if node is not None else ():
            if edge.target is not None:
                got[edge.target] += 1
    return [
        graph.grad_nodes[node]
        for node, count in due.items()
        if count and got[node] == count and node not in done and not _adds(graph, node)
    ]


def _order_of(node: GradNode) -> tuple[int, int]:
    """Order nodes as they were made; those of earlier steps came first.

    Source: `ReadyQueue` of torch's engine runs the highest sequence number first.
    """
    return (-1 if node.op is None else node.op, -node.id)


def _is_cut_short(graph: Graph, root: int) -> bool:
    """Whether a backward may have ended at a node of an earlier step.

    The edges of those are unknown; any other backward that has nothing left to run
    was over.
    """
    start = graph.values[root].grad_node
    return start is not None and any(
        graph.grad_nodes[node].op is None and not _adds(graph, node)
        for node in nodes_behind(graph, start)
    )


def _adds(graph: Graph, node: int) -> bool:
    return graph.grad_nodes[node].name.rpartition("::")[2] == _ACCUMULATE
