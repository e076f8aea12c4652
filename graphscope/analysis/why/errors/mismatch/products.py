"""Matrix products and linear layers: rows of one length against columns of another."""

from math import prod
from typing import Final

from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.errors.mismatch.broadcasts import first_misfit
from graphscope.analysis.why.errors.mismatch.call import (
    Misfit,
    RaisedCall,
    axis_name,
    sizes,
    type_of,
)
from graphscope.model.graph import Value

_PRODUCTS: Final = frozenset({"matmul", "mm", "bmm", "mv", "dot", "vdot", "inner"})
_WITH_SUM: Final = frozenset({"addmm", "addmv", "addbmm", "baddbmm"})
_BATCHED: Final = frozenset({"bmm", "baddbmm"})
_PAIR: Final = 2
_MATRICES: Final = 3


def explain_linear(call: RaisedCall) -> Misfit | None:
    """Explain that the rows that a linear layer gets are not `in_features` long."""
    if call.name != "linear" or len(call.tensors) < _PAIR:
        return None
    given, weight = call.tensors[:_PAIR]
    if len(weight.shape) != _PAIR or not given.shape:
        return None
    out, due = weight.shape
    if given.shape[-1] == due:
        return None
    layer = call.taker
    made = f" (`nn.Linear({due}, {out})`)" if call.layer else ""
    name = call.called(given)
    return Misfit(
        title=f"{begin(name)} has rows of {given.shape[-1]}, and {layer} takes {due}",
        reason=(
            f"{begin(layer)}{made} multiplies rows of {due} numbers with its weight "
            f"{type_of(weight)}; the last axis of {name} has {given.shape[-1]}."
        ),
        remedy=_linear_remedy(call, given, weight),
        values=(given.id, weight.id),
    )


def _linear_remedy(call: RaisedCall, given: Value, weight: Value) -> str:
    out, due = weight.shape
    rank = len(given.shape)
    if rank > _PAIR and prod(given.shape[1:]) == due:
        flat = call.code(given, ".flatten(1)") or "`.flatten(1)`"
        return (
            f"Make rows of all axes but the first: {flat} is [{given.shape[0]}, {due}]."
        )
    if rank == 1 and given.shape[0] != due == 1:
        column = call.code(given, ".unsqueeze(1)") or "`.unsqueeze(1)`"
        return f"Make a column of it: {column} is [{given.shape[0]}, 1]."
    fresh = f"`nn.Linear({given.shape[-1]}, {out})`"
    if rank == _PAIR and given.shape[0] == due:
        turned = call.code(given, ".T") or "`.T`"
        return f"Turn it: {turned} has rows of {due}; or make the layer {fresh}."
    what = f"{call.layer} with" if call.layer else "it"
    return f"Make {what} {fresh}, or give it rows of {due} numbers."


def explain_product(call: RaisedCall) -> Misfit | None:
    """Explain why two tensors have no matrix product."""
    if call.name in _PRODUCTS:
        pair = call.tensors[:_PAIR]
    elif call.name in _WITH_SUM:
        pair = call.tensors[1:_MATRICES]
    else:
        return None
    if len(pair) < _PAIR:
        return None
    left, right = pair
    if not left.shape or not right.shape:
        return _tell_scalar(call, left, right)
    if call.name in _BATCHED and not len(left.shape) == len(right.shape) == _MATRICES:
        return _tell_rank(call, left, right)
    inner = right.shape[-2] if len(right.shape) > 1 else right.shape[-1]
    if left.shape[-1] != inner:
        return _tell_inner(call, left, right, inner)
    return _tell_batch(call, left, right)


def _tell_inner(call: RaisedCall, left: Value, right: Value, inner: int) -> Misfit:
    one, other = call.called(left), call.called(right)
    rank = len(right.shape)
    axis = axis_name(max(rank - 2, 0), rank)
    if len(left.shape) == len(right.shape) == 1:
        rule = "A product of two vectors needs as many numbers in both"
    else:
        rule = "Each row of the one is multiplied with each column of the other"
    return Misfit(
        title=f"{begin(one)} {sizes(left)} times {other} {sizes(right)} is no product",
        reason=(
            f"{rule}, so the last axis of {one}, which has {left.shape[-1]}, has to be "
            f"as long as {axis} of {other}, which has {inner}."
        ),
        remedy=_inner_remedy(call, left, right, inner),
        values=(left.id, right.id),
    )


def _inner_remedy(call: RaisedCall, left: Value, right: Value, inner: int) -> str:
    first, second = call.code(left).strip("`"), call.code(right).strip("`")
    one, other = call.called(left), call.called(right)
    are_named = first and second
    ways = []
    if len(right.shape) >= _PAIR and left.shape[-1] == right.shape[-1]:
        turned = ".T" if len(right.shape) == _PAIR else ".mT"
        ways.append(f"`{first} @ {second}{turned}`" if are_named else f"{other} turned")
    if len(left.shape) >= _PAIR and left.shape[-2] == inner:
        turned = ".T" if len(left.shape) == _PAIR else ".mT"
        ways.append(f"`{first}{turned} @ {second}`" if are_named else f"{one} turned")
    if len(ways) > 1 and left.shape == right.shape and are_named:
        ways.append(f"`{first} * {second}` for the products of the elements")
    if ways:
        return f"Turn one of them: {' or '.join(ways)}."
    if len(left.shape) == len(right.shape) == 1:
        return f"Make both equally long: {left.shape[-1]} or {inner}."
    fresh = [*right.shape]
    fresh[-2 if len(fresh) > 1 else -1] = left.shape[-1]
    if right.op is None or right.is_leaf:
        return f"Make {other} with the shape {fresh}, or give rows of {inner} numbers."
    return f"Make both axes equally long: {left.shape[-1]} or {inner}."


def explain_einsum(call: RaisedCall) -> Misfit | None:
    """Explain which letter of an einsum stands for axes of two sizes."""
    texts = [a.text.strip("'\"") for a in call.op.arguments if a.value is None]
    if call.name != "einsum" or not texts:
        return None
    terms = texts[0].partition("->")[0].replace(" ", "").split(",")
    known: dict[str, tuple[Value, int]] = {}
    for term, value in zip(terms, call.tensors, strict=False):
        if len(term) != len(value.shape) or not term.isalpha():
            return None
        for axis, letter in enumerate(term):
            first, place = known.setdefault(letter, (value, axis))
            if first.shape[place] != value.shape[axis]:
                return _tell_letter(call, letter, (first, place), (value, axis))
    return None


def _tell_letter(
    call: RaisedCall, letter: str, one: tuple[Value, int], other: tuple[Value, int]
) -> Misfit:
    first, second = (call.called(value) for value, _ in (one, other))
    sides = [value.shape[axis] for value, axis in (one, other)]
    return Misfit(
        title=f"`{letter}` is {sides[0]} in {first} and {sides[1]} in {second}",
        reason=(
            f"A letter stands for one size. `{letter}` is axis {one[1]} of {first}, "
            f"which has {sides[0]}, and axis {other[1]} of {second}, which has "
            f"{sides[1]}."
        ),
        remedy="Give the two axes one size, or two letters.",
        values=(one[0].id, other[0].id),
    )


def _tell_batch(call: RaisedCall, left: Value, right: Value) -> Misfit | None:
    one, other = left.shape[:-2], right.shape[:-2]
    misfit = first_misfit(one, other)
    if call.name in _BATCHED and one != other:
        misfit = misfit or (0, one[0], other[0])
    if misfit is None:
        return None
    _, first, second = misfit
    return Misfit(
        title=f"{begin(call.called(left))} and {call.called(right)} are batches of "
        f"{first} and {second}",
        reason=(
            f"The last two axes are matrices that fit; before them "
            f"{call.called(left)} has {list(one)} and {call.called(right)} "
            f"{list(other)}: {first} matrices cannot be paired with {second}."
        ),
        remedy="Give both the same batch axes, or one of them an axis of 1.",
        values=(left.id, right.id),
    )


def _tell_rank(call: RaisedCall, left: Value, right: Value) -> Misfit:
    wrong = left if len(left.shape) != _MATRICES else right
    name = call.called(wrong)
    return Misfit(
        title=f"`{call.name}` takes batches of matrices, and {name} is {sizes(wrong)}",
        reason=(
            f"`{call.name}` needs three axes [batch, rows, columns]; {name} has "
            f"{len(wrong.shape)}."
        ),
        remedy="Use `@` (torch.matmul), which takes any number of batch axes.",
        values=(left.id, right.id),
    )


def _tell_scalar(call: RaisedCall, left: Value, right: Value) -> Misfit:
    wrong = right if not right.shape else left
    name = call.called(wrong)
    return Misfit(
        title=f"{begin(name)} is a single number, which has no matrix product",
        reason=f"A matrix product needs axes, and {name} has none.",
        remedy="Write `*` in place of `@`.",
        values=(left.id, right.id),
    )
