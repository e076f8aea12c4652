"""Which part of a step shows a NaN again: the fewest ops, and what goes into them."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.reading import count_nans, data_of
from graphscope.analysis.why.nonfinite.flow import Cause
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.analysis.why.nonfinite.spread import Reached, reached
from graphscope.model.graph import Graph, Op, Role, ValueKind
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

_CHOOSERS: Final = frozenset({"where", "masked_fill"})
_ELEMENTWISE: Final = frozenset(
    {"log", "log2", "log10", "log1p", "sqrt", "rsqrt", "exp", "exp2", "expm1", "pow"}
    | {"add", "sub", "rsub", "mul", "div", "rdiv", "true_divide", "square", "neg"}
    | {"reciprocal", "acos", "asin", "atanh", "acosh", "logit", "sigmoid", "tanh"}
    | {"relu", "abs", "clamp", "where", "masked_fill", "float", "double", "half"}
    | {
        "sinh",
        "cosh",
        "erfinv",
        "hypot",
        "xlogy",
        "entr",
        "special_entr",
        "float_power",
    }
)
"""Ops of which one element of the result needs one element of each argument."""

_FEW: Final = 64
"""Numbers that a script may hold beyond what is needed for the birth alone."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a step.

    Attributes:
        ops: Its ops, in order.
        leaves: Ids of the values that go into it; written down as they were recorded.
        shown: Id of the value that is not finite, or whose gradient is not.
        slot: Where it was seen.
        is_gradient: Whether it is the gradient.
        ends: Ids of the results that no op of it reads: backward begins there.
    """

    ops: tuple[Op, ...]
    leaves: tuple[int, ...]
    shown: int
    slot: int
    is_gradient: bool
    ends: tuple[int, ...]


def choose_piece(scene: Scene) -> Piece | None:
    """Return the part of the step that shows a birth again; None where no op does.

    As far as the first NaN, where that needs few numbers more than the birth itself.
    """
    trace = scene.trace
    found = reached(scene.flow, scene.birth.slot)
    left_out = None if scene.birth.cause is Cause.SENT else _left_out(scene, found)
    own = _piece_to(scene, found, scene.birth.slot)
    if own is None:
        return left_out
    role = trace.graph.slots[scene.birth.slot].role
    last = _first_nan(trace, found, scene.birth.slot, role)
    further = left_out or _piece_to(scene, found, last)
    return further if further is not None and is_small(trace, further) else own


def _piece_to(scene: Scene, found: Reached, last: int) -> Piece | None:
    """Return the ops on the way from a birth to a slot; None where no op made it."""
    trace, graph, birth = scene.trace, scene.trace.graph, scene.birth
    value = graph.slots[last].value
    if birth.op is None or value is None:
        return None
    if birth.cause is Cause.SENT:
        ops = _ops_of_edges(graph, _way(found, last)) | _choosers(scene)
        return _piece(trace, ops, found, value, last)
    if birth.cause is not Cause.COMPUTED:
        return None
    return _piece(trace, _ops_of_values(graph, _way(found, last)), found, value, last)


def is_small(trace: Trace, piece: Piece) -> bool:
    """Whether a piece needs one element, or few that were recorded."""
    if element_of(trace, piece) is not None:
        return True
    shapes = [trace.graph.values[leaf].shape for leaf in piece.leaves]
    is_kept = all(data_of(trace, leaf) is not None for leaf in piece.leaves)
    return is_kept and sum(prod(shape) for shape in shapes) <= _FEW


def _left_out(scene: Scene, found: Reached) -> Piece | None:
    """Return the op whose backward meets a number that the loss does not take."""
    graph = scene.trace.graph
    values = {graph.slots[s].value for s in found if graph.slots[s].role is Role.VALUE}
    is_inside = graph.slots[scene.birth.slot].event > graph.first_backward >= 0
    if is_inside or not values.isdisjoint(graph.roots):
        return None
    for slot in sorted(found):
        source, record = found[slot], graph.slots[slot]
        is_first = source is not None and graph.slots[source].role is Role.VALUE
        if record.role is not Role.EDGE or not is_first or record.value is None:
            continue
        ops = _ops_of_edges(graph, [slot]) | _ops_of_values(graph, _way(found, slot))
        return _piece(scene.trace, ops, found, record.value, slot)
    return None


def _first_nan(trace: Trace, found: Reached, start: int, role: Role) -> int:
    """Return the first slot of a role that holds NaN; the birth itself without one."""
    if count_nans(trace.seen(start)):
        return start
    for slot in sorted(found):
        record = trace.graph.slots[slot]
        way = (trace.graph.slots[s].role for s in _way(found, slot))
        is_wanted = record.role is role and record.value is not None
        if is_wanted and count_nans(trace.seen(slot)) and _is_plain(way, role):
            return slot
    return start


def _is_plain(roles: Iterable[Role], role: Role) -> bool:
    """Whether a way stays in forward, or in backward."""
    if role is Role.VALUE:
        return all(one is Role.VALUE for one in roles)
    return all(one is not Role.VALUE for one in roles)


def _way(found: Reached, slot: int) -> list[int]:
    way, at = [slot], found[slot]
    while at is not None:
        way.append(at)
        at = found[at]
    return way


def _ops_of_edges(graph: Graph, slots: Iterable[int]) -> set[int | None]:
    nodes = (
        graph.slots[slot].grad_node
        for slot in slots
        if graph.slots[slot].role is Role.EDGE
    )
    return {graph.grad_nodes[node].op for node in nodes if node is not None}


def _ops_of_values(graph: Graph, slots: Iterable[int]) -> set[int | None]:
    values = (
        graph.slots[slot].value
        for slot in slots
        if graph.slots[slot].role is Role.VALUE
    )
    return {graph.values[value].op for value in values if value is not None}


def _choosers(scene: Scene) -> set[int | None]:
    """Return the op that leaves out the result of the birth's op."""
    graph = scene.trace.graph
    if scene.op is None:
        return set()
    readers = (
        graph.ops[reader]
        for value in scene.op.outputs
        for reader in graph.consumers.get(value, ())
    )
    return {op.id for op in readers if plain_name(op) in _CHOOSERS}


def _piece(
    trace: Trace, ops: set[int | None], found: Reached, shown: int, slot: int
) -> Piece:
    graph = trace.graph
    known = {op for op in ops if op is not None}
    bad = {graph.slots[s].value for s in found if graph.slots[s].role is Role.VALUE}
    waiting = list(known)
    while waiting:  # what the birth has reached is computed too, from finite numbers
        for value in graph.ops[waiting.pop()].inputs:
            op = graph.values[value].op
            if value in bad and op is not None and op not in known:
                known.add(op)
                waiting.append(op)
    chosen = tuple(graph.ops[op] for op in sorted(known))
    made = {value for op in chosen for value in op.outputs}
    read = [value for op in chosen for value in op.inputs]
    return Piece(
        ops=chosen,
        leaves=tuple(dict.fromkeys(v for v in read if v not in made)),
        shown=shown,
        slot=slot,
        is_gradient=graph.slots[slot].role is not Role.VALUE,
        ends=tuple(v for op in chosen for v in op.outputs if v not in read),
    )


def gradient_slot(trace: Trace, piece: Piece, value: int) -> int | None:
    """Return where the gradient was seen that arrived at an end of a piece."""
    graph = trace.graph
    latest = graph.slots[piece.slot].event
    slots = [
        slot
        for slot in graph.value_slots.get(value, ())
        if graph.slots[slot].role is Role.GRAD_OUTPUT
        and graph.slots[slot].event <= latest
    ]
    return slots[-1] if slots else None


def element_of(trace: Trace, piece: Piece) -> tuple[int, ...] | None:
    """Return the one element that is enough, None where whole tensors are needed."""
    graph = trace.graph
    if not all(plain_name(op) in _ELEMENTWISE for op in piece.ops):
        return None
    seen = trace.seen(piece.slot)
    if seen is None or seen.data is None or not seen.data.ndim:
        return None
    bad = np.argwhere(_worst(seen.data))
    made = [v for op in piece.ops for v in op.outputs]
    shape = seen.data.shape
    values = [*made, *(piece.leaves if piece.is_gradient else ())]
    for value in values:
        record = graph.values[value]
        if record.kind is not ValueKind.CONSTANT and record.shape not in (shape, ()):
            return None
    return tuple(int(i) for i in bad[0]) if len(bad) else None


def _worst(data: Array) -> Array:
    is_nan = np.isnan(data)
    return np.asarray(is_nan if is_nan.any() else ~np.isfinite(data))


def at_element(
    seen: Observation | None, index: tuple[int, ...] | None, shape: tuple[int, ...]
) -> Array | None:
    """Return recorded numbers, or their one element at a place of a result.

    Args:
        seen: The numbers.
        index: The place, None for all.
        shape: The shape of the result.
    """
    if seen is None or seen.data is None:
        return None
    if index is None:
        return seen.data
    try:
        return np.asarray(np.broadcast_to(seen.data, shape)[index])
    except ValueError:
        return None
