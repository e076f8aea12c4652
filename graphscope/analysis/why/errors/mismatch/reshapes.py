"""view, reshape and expand: a number of elements that does not make the shape."""

import re
from math import prod
from typing import Final

from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.errors.mismatch.call import Misfit, RaisedCall, sizes
from graphscope.analysis.why.errors.wording import name_op
from graphscope.model.graph import Value

_INVALID: Final = re.compile(r"shape '\[(?P<shape>[-\d, ]*)\]' is invalid for input")
_SPANS: Final = "view size is not compatible with input tensor's size and stride"
_EXPANDED: Final = re.compile(r"Target sizes: \[(?P<shape>[-\d, ]*)\]")
_PAIR: Final = 2


def explain_reshape(call: RaisedCall) -> Misfit | None:
    """Explain why a tensor does not take a shape."""
    if not call.tensors:
        return None
    given = call.tensors[0]
    read = _INVALID.search(call.error)
    if read is not None:
        return _tell_count(call, given, _shape_of(read))
    if _SPANS in call.error:
        return _tell_layout(call, given)
    read = _EXPANDED.search(call.error)
    is_expanding = read is not None and call.name == "expand"
    return _tell_expand(call, given, _shape_of(read)) if read and is_expanding else None


def _shape_of(read: "re.Match[str]") -> list[int]:
    return [int(size) for size in read["shape"].split(",") if size.strip()]


def _tell_count(call: RaisedCall, given: Value, asked: list[int]) -> Misfit:
    name, count = call.called(given), prod(given.shape)
    known = prod(size for size in asked if size >= 0)
    if -1 in asked:
        reason = (
            f"{begin(name)} {sizes(given)} has {count:,} numbers. For the −1 in "
            f"{asked} that number has to be a multiple of {known:,}, and it is "
            f"{count / known if known else 0:.4g} times that."
        )
    else:
        reason = (
            f"{begin(name)} {sizes(given)} has {count:,} numbers, and {asked} takes "
            f"{known:,}."
        )
    return Misfit(
        title=f"The {count:,} numbers of {name} do not make {asked}",
        reason=reason,
        remedy=_count_remedy(call, given, asked),
        values=(given.id,),
    )


def _count_remedy(call: RaisedCall, given: Value, asked: list[int]) -> str:
    count, rank = prod(given.shape), len(given.shape)
    is_flattening = len(asked) == _PAIR and rank > _PAIR
    if is_flattening and asked[0] in (-1, given.shape[0]):
        row = prod(given.shape[1:])
        flat = call.code(given, ".flatten(1)") or "`.flatten(1)`"
        return (
            f"Keep the first axis and make a row of the rest: {flat} is "
            f"[{given.shape[0]}, {row}]; a layer behind it takes rows of {row}."
        )
    return f"Ask for a shape of {count:,} numbers in all."


def _tell_layout(call: RaisedCall, given: Value) -> Misfit:
    name = call.called(given)
    maker = call.facts.op_of(given.id)
    made = (
        "an earlier call" if maker is None else name_op(call.facts, call.trace, maker)
    )
    text = "" if call.op.site is None else " ".join(call.op.site.expression.split())
    fresh = text.replace(".view(", ".reshape(")
    way = f"`{fresh}`" if text and fresh != text else "`.reshape(…)`"
    return Misfit(
        title=f"The memory of {name} cannot be read in that shape",
        reason=(
            f"`view` keeps the memory as it is, and reads it in another shape. "
            f"{begin(made)} turned the axes of {name} without moving a number, so "
            "those that would be neighbours do not lie side by side."
        ),
        remedy=f"Let the numbers be copied where that is due: {way}.",
        values=(given.id,),
    )


def _tell_expand(call: RaisedCall, given: Value, asked: list[int]) -> Misfit:
    name = call.called(given)
    return Misfit(
        title=f"{begin(name)} {sizes(given)} cannot be expanded to {asked}",
        reason=(
            f"`expand` repeats axes that have one entry, or new ones in front; an axis "
            f"of {name} that has more stays as long as it is."
        ),
        remedy="Repeat the numbers with `.repeat(…)`, or give it an axis of 1 there.",
        values=(given.id,),
    )
