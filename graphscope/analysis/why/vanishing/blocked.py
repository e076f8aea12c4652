"""Operators that let no gradient through, for a reason that one step shows.

That is either an operator whose derivative is always 0 (`round`, a softmax over one
entry), or an activation that is flat for every sample of a batch.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from graphscope.analysis.evidence.facts import LAYERS, Check, Facts, plain_name
from graphscope.analysis.evidence.reading import (
    is_nonzero,
    is_zero,
    parameters_before,
)
from graphscope.analysis.evidence.wording import (
    begin,
    listing,
    name_and_place,
    norm_of,
)
from graphscope.analysis.why.vanishing.causes import bounds, saturated
from graphscope.analysis.why.vanishing.causes.cause import Cause, Stop, name_op
from graphscope.analysis.why.vanishing.causes.flat import is_flat
from graphscope.analysis.why.vanishing.causes.table import explain_stop
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Op, OpKind, Role, ValueKind
from graphscope.model.trace import Trace

_ACTIVATIONS: Final = (saturated.NAMES | frozenset(bounds.NAMES)) - {"relu", "exp"}
"""What is flat for some numbers. `relu` has a kind of its own."""

_PRODUCTS: Final = frozenset(
    {"addmm", "matmul", "mm", "mv", "bmm", "baddbmm", "einsum"}
)
_SCALES: Final = frozenset({"mul", "div", "add", "sub", "masked_fill", "rmul", "radd"})
_SEVERAL: Final = 2


def find_blocked_gradients(facts: Facts) -> Iterator[Check]:
    """Yield a check for each op that may let no gradient through.

    An activation is only suspected behind a layer and for several samples, as one
    sample may well lie where it is flat, and a loss (`clamp(1 - y * score, 0)`) is to
    become flat.
    """
    for op in facts.graph.ops:
        if op.kind is not OpKind.COMPUTE or op.id not in facts.before_roots:
            continue
        is_always = is_flat(facts.graph, op)
        if not is_always and not _may_be_flat(facts, op):
            continue
        source = op.inputs[0]
        edges = _edges_to(facts, op, source)
        if edges:
            yield partial(_judge, facts, op, edges)


def _may_be_flat(facts: Facts, op: Op) -> bool:
    if plain_name(op) not in _ACTIVATIONS or not op.inputs:
        return False
    shape = facts.graph.values[op.inputs[0]].shape
    is_batch = len(shape) >= _SEVERAL and shape[0] >= _SEVERAL
    return is_batch and is_behind_layer(facts, op) and not _is_before_loss(facts, op)


def is_behind_layer(facts: Facts, op: Op) -> bool:
    """Whether what goes into an op is a layer's result, scaled or shifted at most."""
    value = op.inputs[0]
    for _ in range(len(facts.graph.ops)):
        made_by = facts.origin_op(value)
        if made_by is None or not made_by.inputs:
            return False
        name = plain_name(made_by)
        if name in LAYERS or name in _PRODUCTS:
            return True
        if name not in _SCALES:
            return False
        others = made_by.inputs[1:]
        kinds = {facts.graph.values[v].kind for v in others}
        if not kinds <= {ValueKind.CONSTANT, ValueKind.PARAMETER, ValueKind.INPUT}:
            return False
        value = made_by.inputs[0]
    return False


def _is_before_loss(facts: Facts, op: Op) -> bool:
    """Whether it is the sigmoid of a binary_cross_entropy: that has its own kind."""
    is_sigmoid = plain_name(op) == "sigmoid"
    losses = (loss for loss in facts.losses if loss.name == "binary_cross_entropy")
    return is_sigmoid and any(facts.origin_op(loss.input) == op for loss in losses)


def _edges_to(facts: Facts, op: Op, source: int) -> tuple[int, ...]:
    """Return the slots of what an op's nodes sent towards an argument."""
    graph = facts.graph
    wanted = {
        (node, position)
        for node in op.grad_nodes
        for position in range(len(graph.grad_nodes[node].edges))
        if graph.grad_nodes[node].edges[position].value == source
    }
    return tuple(
        slot
        for node in op.grad_nodes
        for slot in facts.node_slots.get(node, ())
        if graph.slots[slot].role is Role.EDGE
        and (node, graph.slots[slot].position) in wanted
    )


def _judge(
    facts: Facts, op: Op, edges: tuple[int, ...], trace: Trace
) -> Finding | None:
    sent = [seen for slot in edges if (seen := trace.seen(slot)) is not None]
    if not sent or not all(map(is_zero, sent)):
        return None
    arrived = trace.gradient_of(op.outputs[0])
    source = op.inputs[0]
    if not is_nonzero(arrived):
        return None
    silent = parameters_before(facts, trace, source, is_zero)
    if not silent:
        return None
    cause = explain_stop(Stop(facts, trace, op, source))
    return _finding(trace, op, cause, silent)


def _finding(trace: Trace, op: Op, cause: Cause, silent: list[str]) -> Finding:
    output, source = op.outputs[0], op.inputs[0]
    arrived = norm_of(trace.gradient_of(output))
    size = arrived if arrived.startswith("of ") else f"of {arrived}"
    if _is_root(trace.graph, output):
        reaches = f"Backward begins at {name_and_place(trace, output)}"
    else:
        is_named = trace.graph.values[output].name
        place = f"at {name_and_place(trace, output)}" if is_named else "there"
        reaches = f"A gradient {size} arrives {place}"
    if len(silent) == 1:
        so = f"the gradient of {silent[0]} is 0, and no update moves it"
    else:
        so = f"the gradients of {listing(silent)} are 0, and no update moves them"
    name = name_op(trace, op).rpartition(" (")[0]
    return Finding(
        kind="zero-grad",
        title=f"No gradient passes {name}: it {cause.short}",
        explanation=f"{begin(cause.text)} {reaches}, and none goes on: {so}.",
        remedy=cause.remedy,
        step=trace.step,
        site=op.site,
        values=(output, source),
        ops=(op.id,),
        nodes=op.grad_nodes,
        numbers=cause.numbers,
    )


def _is_root(graph: Graph, value: int) -> bool:
    return value in graph.roots
