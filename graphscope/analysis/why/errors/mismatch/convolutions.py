"""Convolutions and normalisations: channels, axes and kernels that do not fit."""

import re
from typing import Final

from graphscope.analysis.evidence.wording import begin, count
from graphscope.analysis.why.errors.mismatch.call import (
    Misfit,
    RaisedCall,
    sizes,
    type_of,
)
from graphscope.model.graph import Value

_NAME: Final = re.compile(r"conv(?P<transposed>_transpose)?(?P<axes>[123])d$")
_GROUPS: Final = re.compile(r"groups=(\d+)")
_LETTERS: Final = {1: "[N, C, L]", 2: "[N, C, H, W]", 3: "[N, C, D, H, W]"}
_KERNEL: Final = "Kernel size can't be greater"
_PAIR: Final = 2


def explain_convolution(call: RaisedCall) -> Misfit | None:
    """Explain which axis of its input a convolution does not take."""
    read = _NAME.match(call.name)
    if read is None or len(call.tensors) < _PAIR:
        return None
    given, weight = call.tensors[:_PAIR]
    axes = int(read["axes"])
    rank = len(given.shape)
    groups = _GROUPS.search(call.error)
    per_group = weight.shape[1] if not read["transposed"] else weight.shape[0]
    is_plain = read["transposed"] is None
    due = per_group * (int(groups[1]) if groups and is_plain else 1)
    if rank not in (axes + 1, axes + 2):
        return _tell_rank(call, given, due, axes)
    if given.shape[rank - axes - 1] != due:
        return _tell_channels(call, given, weight, (due, axes))
    return _tell_kernel(call, given, weight, axes) if _KERNEL in call.error else None


def _tell_rank(call: RaisedCall, given: Value, due: int, axes: int) -> Misfit:
    name, rank = call.called(given), len(given.shape)
    remedy = f"Give it a tensor {_LETTERS[axes]}, or one without the batch axis N."
    if rank == axes and due == 1:
        code = call.code(given, "[None, None]")
        shape = [1, 1, *given.shape]
        remedy = f"Add the axes of batch and channel: {code or '`[None, None]`'} is "
        remedy += f"{shape}."
    elif rank == _PAIR:
        remedy += " A flattened tensor has to get its axes back: `.view(…)`."
    return Misfit(
        title=f"{begin(name)} {sizes(given)} has {rank} axes, and {call.taker} takes "
        f"{axes + 2}",
        reason=(
            f"{begin(call.taker)} takes {_LETTERS[axes]}, batch and channels first; "
            f"{name} has {rank} axes."
        ),
        remedy=remedy,
        values=(given.id,),
    )


def _tell_channels(
    call: RaisedCall, given: Value, weight: Value, about: tuple[int, int]
) -> Misfit:
    due, axes = about
    name, rank = call.called(given), len(given.shape)
    place = rank - axes - 1
    got = given.shape[place]
    batchless = (
        f" A tensor of {rank} axes is read without a batch axis." if not place else ""
    )
    return Misfit(
        title=f"{begin(name)} has {count(got, 'channel')}, and {call.taker} takes "
        f"{due}",
        reason=(
            f"{begin(call.taker)} has the weight {type_of(weight)}, for "
            f"{count(due, 'channel')}; axis {place} of {name}, where the channels "
            f"are, has {got}.{batchless}"
        ),
        remedy=_channel_remedy(call, given, weight, about),
        values=(given.id, weight.id),
    )


def _channel_remedy(
    call: RaisedCall, given: Value, weight: Value, about: tuple[int, int]
) -> str:
    due, axes = about
    shape, rank = given.shape, len(given.shape)
    if shape[-1] == due and axes > 1:
        order = [rank - 1, *range(rank - axes - 1, rank - 1)]
        order = [0, *order] if rank == axes + 2 else order
        text = ", ".join(map(str, order))
        code = call.code(given, f".permute({text})") or f"`.permute({text})`"
        fresh = [shape[axis] for axis in order]
        return f"Its channels are last; put them first: {code} is {fresh}."
    if rank == axes + 1 and due == 1:
        code = call.code(given, ".unsqueeze(1)") or "`.unsqueeze(1)`"
        fresh = [shape[0], 1, *shape[1:]]
        return f"Add the axis of channels: {code} is {fresh}."
    got = shape[rank - axes - 1]
    fresh_layer = f"`nn.Conv{axes}d({got}, {weight.shape[0]}, …)`"
    what = call.layer or "the layer"
    return f"Make {what} with {fresh_layer}, or give it {count(due, 'channel')}."


def _tell_kernel(call: RaisedCall, given: Value, weight: Value, axes: int) -> Misfit:
    name = call.called(given)
    kernel = list(weight.shape[-axes:])
    return Misfit(
        title=f"{begin(name)} {sizes(given)} is smaller than the kernel {kernel}",
        reason=(
            f"{begin(call.taker)} moves a kernel of {kernel} over the last axes "
            f"{list(given.shape[-axes:])} of {name}, padding included, and it does "
            "not fit in once."
        ),
        remedy=(
            "Take a smaller kernel or some `padding`, or pool less before, so that "
            "more is left."
        ),
        values=(given.id, weight.id),
    )


def explain_norm(call: RaisedCall) -> Misfit | None:
    """Explain that a normalisation was made for another number of features."""
    if call.name not in ("batch_norm", "layer_norm") or len(call.tensors) < _PAIR:
        return None
    given, *others = call.tensors
    known = others[0].shape
    is_batch = call.name == "batch_norm"
    rank = len(given.shape)
    own = given.shape[1:2] if is_batch else given.shape[max(rank - len(known), 0) :]
    if own == known:
        return None
    name = call.called(given)
    axis = "axis 1" if is_batch else "the last axis" if len(known) == 1 else "the end"
    due = known[0] if len(known) == 1 else list(known)
    got = own[0] if len(own) == 1 else list(own)
    taker = call.taker
    fresh = f"`nn.{call.class_name}({got})`" if call.layer else f"{got} features"
    return Misfit(
        title=f"{begin(name)} has {got} features, and {taker} takes {due}",
        reason=(
            f"{begin(taker)} normalises {due} features; {axis} of {name} "
            f"{sizes(given)} has {got}."
        ),
        remedy=f"Make {taker} with {fresh}, or give it {due} features.",
        values=(given.id,),
    )
