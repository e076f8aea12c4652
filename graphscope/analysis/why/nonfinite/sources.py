"""What a number that is not finite came from: the bad numbers that went into it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import SAME_NUMBERS, Facts, plain_name
from graphscope.model.graph import Graph, Op, Role, ValueKind
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

WRITERS: Final = frozenset(
    {"masked_fill", "fill", "full_like", "new_full", "where", "index_fill", "pad"}
    | {"setitem", "scatter", "masked_scatter", "full", "tensor", "constant_pad_nd"}
)
"""Ops that compute nothing: of finite numbers they give Inf only where told to."""

RESULT_USERS: Final = frozenset(
    {"exp", "expm1", "exp2", "rsqrt", "reciprocal", "sigmoid", "tanh", "softmax"}
    | {"log_softmax", "logsumexp", "prod", "cumprod", "norm", "vector_norm", "std"}
)
"""Ops whose derivative is computed from their result, beside their arguments."""

_LINEAR: Final = SAME_NUMBERS | frozenset(
    {"add", "sub", "rsub", "neg", "sum", "mean", "cat", "stack", "expand", "repeat"}
    | {"split", "chunk", "unbind", "roll", "flip", "tril", "triu", "gather", "cumsum"}
)
"""Ops whose derivative is the same whatever the numbers are."""

_PLACED: Final = frozenset({"where", "masked_fill", "add", "sub", "mul", "div", "pow"})
"""Ops that work place by place: a bad number makes one of the same place bad."""


class Places:
    """Where in a graph numbers come from: worked out once for all of its steps."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.graph: Graph = facts.graph

    @cached_property
    def feeding(self) -> Mapping[tuple[int, int], tuple[int, ...]]:
        """Grad node and which of its outputs -> slots of the edges that lead there."""
        found: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for index, slot in enumerate(self.graph.slots):
            if slot.role is not Role.EDGE or slot.grad_node is None:
                continue
            edges = self.graph.grad_nodes[slot.grad_node].edges
            edge = edges[slot.position] if slot.position < len(edges) else None
            if edge is not None and edge.target is not None:
                found[edge.target, edge.output].append(index)
        return {place: tuple(slots) for place, slots in found.items()}

    @cached_property
    def inside(self) -> Mapping[int, tuple[int, ...]]:
        """Grad node of a user's Function -> the ops that its backward ran.

        They are recorded behind the node, with its name as their scope.
        """
        found: defaultdict[int, list[int]] = defaultdict(list)
        node: int | None = None
        for event in self.graph.events:
            if event.grad_node is not None:
                node = event.grad_node
            elif node is None or event.op is None:
                node = None
            elif self._is_inside(event.op, node):
                found[node].append(event.op)
        return {node: tuple(ops) for node, ops in found.items()}

    def _is_inside(self, op: int, node: int) -> bool:
        scope = self.graph.ops[op].scope.rpartition(".")[2]
        return bool(scope) and scope == self.graph.grad_nodes[node].name

    def last_event(self, slot: int) -> int:
        """Return the event at whose end the numbers of a slot are known."""
        found = self.graph.slots[slot]
        inside = () if found.grad_node is None else self.inside.get(found.grad_node, ())
        if found.role is not Role.EDGE or not inside:
            return found.event
        return max(found.event, self.graph.op_events.get(inside[-1], 0))


Find = Callable[[Places, Trace, int, set[int]], Iterator[int]]


def sources_of(places: Places, trace: Trace, slot: int, bad: set[int]) -> list[int]:
    """Return the slots of `bad` that the bad numbers in a slot came from."""
    find = _BY_ROLE.get(trace.graph.slots[slot].role)
    return [] if find is None else list(find(places, trace, slot, bad))


def _of_arrival(
    places: Places, trace: Trace, slot: int, bad: set[int]
) -> Iterator[int]:
    graph = trace.graph
    found = graph.slots[slot]
    node = found.grad_node
    if node is None:
        return
    if found.label:  # what a hook made of it
        own = places.facts.node_slots.get(node, ())
        yield from (s for s in own if s in bad and _is_before_hook(graph, s, slot))
        return
    yield from (s for s in places.feeding.get((node, found.position), ()) if s in bad)


def _of_leaf(places: Places, trace: Trace, slot: int, bad: set[int]) -> Iterator[int]:
    value = trace.graph.slots[slot].value
    node = None if value is None else trace.graph.values[value].grad_node
    feeding = () if node is None else places.feeding.get((node, 0), ())
    yield from (s for s in feeding if s in bad)


def _after(*roles: Role) -> Find:
    """Return what finds the last of each role before a slot, of the same value."""

    def find(_places: Places, trace: Trace, slot: int, bad: set[int]) -> Iterator[int]:
        value = trace.graph.slots[slot].value
        if value is not None:
            yield from _latest(trace.graph, value, roles, slot, bad)

    return find


def _of_value(_places: Places, trace: Trace, slot: int, bad: set[int]) -> Iterator[int]:
    graph = trace.graph
    value = graph.slots[slot].value
    if value is None:
        return
    record = graph.values[value]
    if record.kind is ValueKind.GRADIENT and record.owner is not None:
        roles = (Role.AFTER, Role.USED)
        yield from _latest(graph, record.owner, roles, slot, bad)
    elif record.op is not None:
        op = graph.ops[record.op]
        for one in dict.fromkeys(op.inputs):
            for source in _value_slots(graph, one, bad):
                if _may_reach(trace, op, source, slot):
                    yield source
    elif record.previous is not None:
        roles = (Role.UPDATED, Role.VALUE)
        yield from _latest(graph, record.previous, roles, slot, bad)


def _of_edge(places: Places, trace: Trace, slot: int, bad: set[int]) -> Iterator[int]:
    graph = trace.graph
    found = graph.slots[slot]
    if found.grad_node is None:
        return
    for index in places.facts.node_slots.get(found.grad_node, ()):
        other = graph.slots[index]
        is_arrival = other.role is Role.GRAD_OUTPUT and other.event == found.event
        if is_arrival and index in bad:
            yield index
    for op_id in places.inside.get(found.grad_node, ()):
        for value in graph.ops[op_id].outputs:
            yield from _value_slots(graph, value, bad)
    node = graph.grad_nodes[found.grad_node]
    if node.op is None:
        return
    op = graph.ops[node.op]
    for value in dict.fromkeys(_used_in_backward(op)):
        yield from _value_slots(graph, value, bad)


def _used_in_backward(op: Op) -> tuple[int, ...]:
    name = plain_name(op).removeprefix("linalg_")
    if name in WRITERS or name in _LINEAR:
        return ()
    return (*op.inputs, *op.outputs) if name in RESULT_USERS else op.inputs


def _of_update(
    _places: Places, trace: Trace, slot: int, bad: set[int]
) -> Iterator[int]:
    graph = trace.graph
    value, event = graph.slots[slot].value, graph.slots[slot].event
    if value is None:
        return
    own = graph.value_slots.get(value, ())
    used = [
        s
        for s in own
        if graph.slots[s].role is Role.USED and graph.slots[s].event == event
    ]
    yield from (s for s in used if s in bad)
    if not used:
        yield from _latest(graph, value, (Role.AFTER,), slot, bad)
    yield from _value_slots(graph, value, bad)


def _of_used(_places: Places, trace: Trace, slot: int, bad: set[int]) -> Iterator[int]:
    """Yield `.grad` after backward, and what the user's code made of it since."""
    graph = trace.graph
    value = graph.slots[slot].value
    if value is None:
        return
    yield from _latest(graph, value, (Role.AFTER,), slot, bad)
    for one in graph.values:
        if one.kind is ValueKind.GRADIENT and one.owner == value:
            yield from _latest(graph, one.id, (Role.VALUE,), slot, bad)


def _is_before_hook(graph: Graph, slot: int, hooked: int) -> bool:
    one, other = graph.slots[slot], graph.slots[hooked]
    return (one.event, one.role, one.position, one.label) == (
        other.event,
        other.role,
        other.position,
        "",
    )


def _latest(
    graph: Graph, value: int, roles: tuple[Role, ...], slot: int, bad: set[int]
) -> Iterator[int]:
    """Yield, for each role, what was last seen of a value before a slot, if bad."""
    for role in roles:
        seen = [
            s
            for s in graph.value_slots.get(value, ())
            if s < slot and graph.slots[s].role is role
        ]
        if seen and seen[-1] in bad:
            yield seen[-1]


def _value_slots(graph: Graph, value: int, bad: set[int]) -> Iterator[int]:
    for slot in graph.value_slots.get(value, ()):
        if graph.slots[slot].role is Role.VALUE and slot in bad:
            yield slot


def _may_reach(trace: Trace, op: Op, source: int, slot: int) -> bool:
    """Whether a bad number of an argument can be behind one of the result."""
    if plain_name(op) not in _PLACED:
        return True
    one, other = _bad_places(trace.seen(source)), _bad_places(trace.seen(slot))
    if one is None or other is None:
        return True
    try:
        return bool((np.broadcast_to(one, other.shape) & other).any())
    except ValueError:
        return True


def _bad_places(seen: Observation | None) -> Array | None:
    if seen is None or seen.data is None or seen.data.dtype.kind not in "fc":
        return None
    return np.asarray(~np.isfinite(seen.data))


_BY_ROLE: Final[Mapping[Role, Find]] = {
    Role.VALUE: _of_value,
    Role.EDGE: _of_edge,
    Role.GRAD_OUTPUT: _of_arrival,
    Role.ARRIVED: _of_leaf,
    Role.AFTER: _after(Role.ARRIVED, Role.BEFORE),
    Role.BEFORE: _after(Role.AFTER),
    Role.USED: _of_used,
    Role.UPDATED: _of_update,
}
