"""Elementwise calls: shapes that do not broadcast."""

import ast
import re
from collections.abc import Sequence
from itertools import combinations
from typing import Final

from graphscope.analysis.evidence.wording import begin, one_line
from graphscope.analysis.why.errors.mismatch.call import (
    Misfit,
    RaisedCall,
    sizes,
)
from graphscope.analysis.why.errors.wording import parse_statement
from graphscope.model.graph import Value

_MESSAGES: Final = (
    "must match the size of tensor",
    "doesn't match the broadcast shape",
    "not broadcastable",
    "shape mismatch",
    "must match the existing size",
)
_GROWS: Final = "doesn't match the broadcast shape"
_WRITING: Final = "setitem"
_TARGET: Final = re.compile(r"Target sizes: \[(?P<shape>[-\d, ]*)\]")
_PAIR: Final = 2


def first_misfit(
    one: Sequence[int], other: Sequence[int]
) -> tuple[int, int, int] | None:
    """Return where two shapes do not broadcast, from the last axis on.

    The axis is counted from the end: -1 is the last.

    >>> first_misfit((3, 4), (3,)), first_misfit((3, 4), (4,)), first_misfit((2,), (1,))
    ((-1, 4, 3), None, None)
    """
    pairs = zip(reversed(one), reversed(other), strict=False)
    for place, (left, right) in enumerate(pairs, start=1):
        if left != right and 1 not in (left, right):
            return -place, left, right
    return None


def explain_broadcast(call: RaisedCall) -> Misfit | None:
    """Explain which axis keeps two tensors from broadcasting."""
    if not any(message in call.error for message in _MESSAGES):
        return None
    if call.name == _WRITING:
        return _tell_assignment(call)
    for left, right in combinations(call.tensors, _PAIR):
        found = first_misfit(left.shape, right.shape)
        if found is not None:
            return _tell(call, left, right, found)
    grows = _GROWS in call.error and len(call.tensors) >= _PAIR
    return _tell_growth(call) if grows else None


def _tell(
    call: RaisedCall, left: Value, right: Value, found: tuple[int, int, int]
) -> Misfit:
    axis, first, second = found
    one, other = call.called(left), call.called(right)
    place = "the last axis" if axis == -1 else f"axis {axis}"
    return Misfit(
        title=f"{begin(one)} {sizes(left)} and {other} {sizes(right)} do not broadcast",
        reason=(
            f"Shapes are laid over each other from the last axis on. In {place} {one} "
            f"has {first} and {other} has {second}, and neither is 1."
        ),
        remedy=_remedy(call, left, right),
        values=(left.id, right.id),
    )


def _remedy(call: RaisedCall, left: Value, right: Value) -> str:
    long, short = sorted((left, right), key=lambda v: len(v.shape), reverse=True)
    name = call.called(short)
    rank = len(short.shape)
    if rank < len(long.shape) and long.shape[:rank] == short.shape:
        ending = ".unsqueeze(1)" if rank == 1 else ""
        if ending and len(long.shape) == _PAIR:
            code = call.code(short, ending) or f"{name} with `{ending}`"
            return (
                f"Where each number of {name} belongs to a row, make a column of it: "
                f"{code} is [{short.shape[0]}, 1]."
            )
    if rank == len(long.shape) == _PAIR and long.shape[::-1] == short.shape:
        code = call.code(right, ".T") or f"{call.called(right)} turned"
        return f"Turn one of them: {code} is {list(right.shape[::-1])}."
    return "Make the two axes equally long, or one of them 1."


def _tell_growth(call: RaisedCall) -> Misfit:
    """Explain that an in-place call cannot make its tensor larger."""
    left, right = call.tensors[:_PAIR]
    one, other = call.called(left), call.called(right)
    first, second = call.code(left).strip("`"), call.code(right).strip("`")
    signs = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
    sign = signs.get(call.name, "")
    are_named = first and second and sign
    code = f": `{first} = {first} {sign} {second}`" if are_named else ""
    return Misfit(
        title=f"{begin(one)} {sizes(left)} cannot take the shape of {other} in place",
        reason=(
            f"Together they broadcast to a larger shape than {sizes(left)}, and an "
            f"in-place call has to put the result where {one} is."
        ),
        remedy=f"Make a new tensor in place of changing this one{code}.",
        values=(left.id, right.id),
    )


def _tell_assignment(call: RaisedCall) -> Misfit | None:
    if len(call.tensors) < _PAIR:
        return None
    target, source = call.tensors[0], call.tensors[-1]
    text = call.op.arguments[-1].text
    other = f"`{one_line(text)}`" if text else call.called(source)
    statement = parse_statement(call.op.site)
    goal = statement.targets[0] if isinstance(statement, ast.Assign) else None
    part = f"`{ast.unparse(goal)}`" if goal else f"the part of {call.called(target)}"
    read = _TARGET.search(call.error)
    size = f"[{read['shape']}]" if read is not None else "another shape"
    return Misfit(
        title=f"{begin(other)} {sizes(source)} does not fit into {part}",
        reason=(
            f"{begin(part)} is {size}, and {other} is {sizes(source)}, which does not "
            "broadcast to it."
        ),
        remedy=f"Give {other} the shape of the part that it is written to.",
        values=(target.id,),
    )
