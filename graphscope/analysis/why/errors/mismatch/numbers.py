"""Reading one number of a tensor that has several; seeds of another shape."""

from math import prod
from typing import Final

from graphscope.analysis.evidence.wording import begin, name_value
from graphscope.analysis.why.errors.failing import is_backward
from graphscope.analysis.why.errors.mismatch.call import Misfit, RaisedCall, sizes
from graphscope.analysis.why.errors.wording import is_plain

_MANY: Final = (
    "elements cannot be converted to Scalar",
    "with more than one value is ambiguous",
    "only one element tensors can be converted",
    "only integer tensors of a single element",
)
_MASK: Final = "The shape of the mask"
_NO_MASK: Final = ("only supports boolean masks", "condition to be a boolean tensor")
_SEED: Final = "Mismatch in shape: grad_output"
_PAIR: Final = 2


def explain_number(call: RaisedCall) -> Misfit | None:
    """Explain that Python asked for one number of a tensor that has more."""
    if not any(text in call.error for text in _MANY) or not call.tensors:
        return None
    value = call.tensors[0]
    name, count = call.called(value), prod(value.shape)
    if "bool" in call.name:
        remedy = f"Say which of them counts: {call.code(value, '.any()') or '`.any()`'}"
        remedy += f" or {call.code(value, '.all()') or '`.all()`'}."
    else:
        remedy = (
            f"Make one number of them: {call.code(value, '.mean()') or '`.mean()`'}"
        )
        remedy += (
            f", or list them all: {call.code(value, '.tolist()') or '`.tolist()`'}."
        )
    return Misfit(
        title=f"{begin(name)} has {count:,} numbers, where one is asked for",
        reason=(
            f"Python asks for one number, and {name} {sizes(value)} has {count:,}."
        ),
        remedy=remedy,
        values=(value.id,),
    )


def explain_mask(call: RaisedCall) -> Misfit | None:
    """Explain that a mask is none, or has not as many entries as what it picks from."""
    if any(text in call.error for text in _NO_MASK):
        return _tell_no_mask(call)
    if _MASK not in call.error or len(call.tensors) < _PAIR:
        return None
    given, mask = call.tensors[:_PAIR]
    name, other = call.called(given), call.called(mask)
    remedy = "Make the mask from that tensor, so that it has an entry for each."
    if len(given.shape) == _PAIR and mask.shape == given.shape[1:]:
        code, picked = call.code(given).strip("`"), call.code(mask).strip("`")
        remedy = f"Pick from the last axis: `{code}[:, {picked}]`."
    return Misfit(
        title=f"The mask {other} {sizes(mask)} does not fit to {name} {sizes(given)}",
        reason=(
            f"A mask has a True or False for each entry of the first axes: {name} is "
            f"{sizes(given)}, and {other} is {sizes(mask)}."
        ),
        remedy=remedy,
        values=(given.id, mask.id),
    )


def _tell_no_mask(call: RaisedCall) -> Misfit | None:
    """Tell of a mask of numbers; it is the one of the first two that is not bool."""
    place = 0 if call.name == "where" else 1
    if len(call.tensors) <= place:
        return None
    mask = call.tensors[place]
    name, code = call.called(mask), call.code(mask).strip("`")
    kept = f"`{code}.bool()`" if is_plain(code) else "`.bool()`"
    rest = f"`{code} == 0`" if is_plain(code) else "`== 0`"
    return Misfit(
        title=f"{begin(name)} is {mask.dtype}, and a mask is bool",
        reason=f"`{call.name}` takes True or False for each entry; {name} has numbers.",
        remedy=f"{begin(kept)} is True where it is not 0, {rest} where it is 0.",
        values=(mask.id,),
    )


def explain_seed(call: RaisedCall) -> Misfit | None:
    """Explain that the vector given to backward has another shape than its root."""
    if not is_backward(call.op) or _SEED not in call.error:
        return None
    root = call.tensors[0]
    others = [v for v in call.tensors[1:] if v.shape != root.shape]
    if not others:
        return None
    seed = others[-1]
    name, other = name_value(call.trace, root.id), name_value(call.trace, seed.id)
    return Misfit(
        title=f"The seed {other} {sizes(seed)} is not of the shape of {name} "
        f"{sizes(root)}",
        reason=(
            f"backward begins with a number for each of {name}: how much it counts. "
            f"{begin(name)} is {sizes(root)} and {other} is {sizes(seed)}."
        ),
        remedy=f"Give a vector of shape {sizes(root)}.",
        values=(root.id, seed.id),
    )
