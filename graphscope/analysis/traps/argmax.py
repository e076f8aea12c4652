"""argmax along an axis with one entry: the result is 0, whatever the scores are."""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Final

from graphscope.analysis.evidence.facts import Check, Facts, is_integer, plain_name
from graphscope.analysis.evidence.wording import (
    code_of,
    count,
    listing,
    name_and_place,
    name_call,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind, Value
from graphscope.model.numbers import format_type
from graphscope.model.trace import Trace

_PLACES: Final = frozenset({"argmax", "argmin"})
_EXTREMES: Final = frozenset({"max", "min"})
_PAIR: Final = 2


def find_argmax_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each place of a maximum that can only be 0."""
    for op in facts.graph.ops:
        if op.kind is not OpKind.COMPUTE or not op.inputs:
            continue
        place = _place_of(facts, op)
        if place is None:
            continue
        given = facts.graph.values[op.inputs[0]]
        axis = _axis_of(op, given, facts.graph.values[place])
        # Of a tensor with one element in all, 0 is the place of its maximum.
        if axis is not None and given.shape[axis] == 1 < prod(given.shape):
            yield partial(_judge, op, given, place, axis)


def _place_of(facts: Facts, op: Op) -> int | None:
    """Return the value that holds places; of max(dim) only if the code uses it."""
    name = plain_name(op)
    if name in _PLACES and len(op.outputs) == 1:
        return op.outputs[0]
    if name not in _EXTREMES or len(op.outputs) != _PAIR:
        return None
    place = op.outputs[1]
    is_named = facts.graph.values[place].name not in (None, "_")
    return place if is_named or facts.graph.consumers.get(place) else None


def _axis_of(op: Op, given: Value, place: Value) -> int | None:
    """Return the axis that was searched, from the argument or from the shapes."""
    texts = [a.text for a in op.arguments if a.name in ("dim", "axis")]
    texts += [a.text for a in op.arguments[1:2] if not a.name and a.value is None]
    rank = len(given.shape)
    if texts and is_integer(texts[0]):
        axis = int(texts[0])
        return axis % rank if -rank <= axis < rank else None
    if not texts:
        return None
    removed = [d for d in range(rank) if _without(given.shape, d) == place.shape]
    return removed[0] if removed else None


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def _judge(op: Op, given: Value, place: int, axis: int, trace: Trace) -> Finding:
    name = plain_name(op)
    numbers = count(prod(trace.graph.values[place].shape), "number")
    return Finding(
        kind="argmax-on-column",
        title=f"{name} along an axis with one entry is always 0",
        explanation=(
            f"{name_call(trace, op)} looks for a place along axis {axis} of "
            f"{name_and_place(trace, given.id)}, of type "
            f"{format_type(given.dtype, given.shape)}. That axis has one entry, so "
            f"each of the {numbers} of the result is 0, whatever the scores are."
        ),
        remedy=_remedy(trace, op, given),
        step=trace.step,
        site=op.site,
        values=(place, given.id),
        ops=(op.id,),
    )


def _remedy(trace: Trace, op: Op, given: Value) -> str:
    name, code = plain_name(op), code_of(trace, given.id)
    others = [axis for axis, size in enumerate(given.shape) if size > 1]
    if len(others) > 1:
        sizes = listing([f"dim={d} with {given.shape[d]} entries" for d in others])
        return f"Take the axis along which the scores of the classes lie: {sizes}."
    (axis,) = others
    call = f"`{code}.{name}(dim={axis})`" if code else f"dim={axis}"
    threshold = f"`{code} > 0`" if code else "a threshold"
    return (
        f"If the {given.shape[axis]} entries along axis {axis} are the scores of the "
        f"classes, use {call}; if each is the only score of a sample, no maximum "
        f"decides, but a threshold such as {threshold}."
    )
