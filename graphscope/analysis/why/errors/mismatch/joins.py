"""cat and stack: tensors that differ in an axis that has to be the same."""

from typing import Final

from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.errors.mismatch.call import (
    Misfit,
    RaisedCall,
    sizes,
)
from graphscope.model.graph import Value

_CAT: Final = frozenset({"cat", "concat", "concatenate"})
_STACK: Final = "stack"


def explain_join(call: RaisedCall) -> Misfit | None:
    """Explain which of the tensors that are put together differs, and where."""
    if call.name in _CAT:
        return _explain_cat(call)
    return _explain_stack(call) if call.name == _STACK else None


def _explain_cat(call: RaisedCall) -> Misfit | None:
    axis = call.number("dim", 0) or 0
    first, *others = call.tensors or (None,)
    for other in others if first is not None else ():
        if first is None:
            break
        rank = len(first.shape)
        if len(other.shape) != rank:
            return _tell_rank(call, first, other)
        along = axis % rank if rank else 0
        wrong = [
            place
            for place, (a, b) in enumerate(zip(first.shape, other.shape, strict=True))
            if a != b and place != along
        ]
        if wrong:
            return _tell_size(call, first, other, (along, wrong[0]))
    return None


def _tell_rank(call: RaisedCall, first: Value, other: Value) -> Misfit:
    one, name = call.called(first), call.called(other)
    long, short = sorted((first, other), key=lambda v: len(v.shape), reverse=True)
    remedy = "Give both as many axes."
    if len(long.shape) == len(short.shape) + 1:
        for axis in (0, len(short.shape)):
            rest = [*long.shape]
            del rest[axis]
            code = call.code(short, f".unsqueeze({axis})")
            if rest == [*short.shape] and code:
                fresh = [*short.shape]
                fresh.insert(axis, 1)
                remedy = f"Give it an axis more: {code} is {fresh}."
                break
    return Misfit(
        title=f"{begin(one)} {sizes(first)} and {name} {sizes(other)} have not as many "
        "axes",
        reason=(
            f"`cat` puts tensors behind each other that have the same axes; {one} has "
            f"{len(first.shape)} and {name} has {len(other.shape)}."
        ),
        remedy=remedy,
        values=(first.id, other.id),
    )


def _tell_size(
    call: RaisedCall, first: Value, other: Value, axes: tuple[int, int]
) -> Misfit:
    along, wrong = axes
    one, name = call.called(first), call.called(other)
    pairs = zip(first.shape, other.shape, strict=True)
    differing = [axis for axis, (a, b) in enumerate(pairs) if a != b]
    if len(differing) == 1:
        codes = [call.code(value).strip("`") for value in (first, other)]
        is_whole = all(codes) and len(call.tensors) == len(codes)
        text = f"`torch.cat([{', '.join(codes)}], dim={wrong})`"
        remedy = f"Put them together along axis {wrong}: "
        remedy += f"{text}." if is_whole else f"`dim={wrong}`."
    else:
        remedy = f"Make axis {wrong} of both equally long."
    return Misfit(
        title=f"{begin(one)} {sizes(first)} and {name} {sizes(other)} differ in axis "
        f"{wrong}",
        reason=(
            f"`cat` along axis {along} needs the same size in all other axes; axis "
            f"{wrong} of {one} has {first.shape[wrong]} and that of {name} has "
            f"{other.shape[wrong]}."
        ),
        remedy=remedy,
        values=(first.id, other.id),
    )


def _explain_stack(call: RaisedCall) -> Misfit | None:
    first, *others = call.tensors or (None,)
    wrong = [v for v in others if first is not None and v.shape != first.shape]
    if first is None or not wrong:
        return None
    other = wrong[0]
    one, name = call.called(first), call.called(other)
    are_lines = all(len(v.shape) == 1 for v in call.tensors)
    remedy = "Give all of them the same shape"
    if are_lines:
        remedy = (
            "Fill the short ones up with "
            "`torch.nn.utils.rnn.pad_sequence(…, batch_first=True)`"
        )
    return Misfit(
        title=f"{begin(one)} {sizes(first)} and {name} {sizes(other)} are no stack",
        reason=(
            f"`stack` lays tensors of one shape over each other; {one} is "
            f"{sizes(first)} and {name} is {sizes(other)}."
        ),
        remedy=f"{remedy}, or put them behind each other with `torch.cat`.",
        values=(first.id, other.id),
    )
