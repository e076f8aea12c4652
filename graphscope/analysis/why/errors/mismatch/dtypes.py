"""dtypes: what has to be of one type, whole numbers, or numbers with a fraction."""

from collections.abc import Sequence
from typing import Final

from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.errors.mismatch.call import Misfit, RaisedCall, type_of
from graphscope.model.graph import Value, ValueKind

_WORDS: Final = (
    "dtype",
    "scalar type",
    "must be long, int, byte or bool",
    "index tensor",
    "can't be cast to the desired output type",
    "Input type",
    "floating point",
)
_METHODS: Final = {
    "float32": "float",
    "float64": "double",
    "float16": "half",
    "bfloat16": "bfloat16",
    "int64": "long",
    "bool": "bool",
}
_INDEX_FIRST: Final = frozenset({"embedding", "embedding_bag", "one_hot"})
_INDEX_LAST: Final = frozenset({"cross_entropy", "nll_loss", "gather", "index_select"})
_INDEX_LAST_TOO: Final = frozenset({"getitem", "take", "index_add", "scatter_add"})
_BINARY: Final = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits"})
_CAST: Final = "can't be cast to the desired output type"
_PAIR: Final = 2


def explain_dtype(call: RaisedCall) -> Misfit | None:
    """Explain which tensor is of the wrong dtype."""
    if not any(word in call.error for word in _WORDS) or not call.tensors:
        return None
    index = _index_of(call)
    if index is not None:
        return _tell_index(call, index) if _is_float(index) else None
    if call.name in _BINARY and not _is_float(call.tensors[-1]):
        return _tell_target(call, call.tensors[-1])
    if _CAST in call.error:
        return _tell_cast(call)
    wrong = _odd_one(call.tensors)
    if wrong is not None:
        return _tell_odd(call, *wrong)
    first = call.tensors[0]
    return None if _is_float(first) else _tell_whole(call, first)


def _is_float(value: Value) -> bool:
    return "float" in value.dtype or value.dtype.startswith("complex")


def _index_of(call: RaisedCall) -> Value | None:
    """Return the tensor that has to hold places or classes."""
    if call.name in _INDEX_FIRST:
        return call.tensors[0]
    if call.name in _INDEX_LAST | _INDEX_LAST_TOO and len(call.tensors) >= _PAIR:
        return call.tensors[1]
    return None


def _odd_one(tensors: Sequence[Value]) -> tuple[Value, Value] | None:
    """Return the tensor to convert, and one of the dtype that it should have.

    A parameter keeps its own: data is converted to what the model is.
    """
    kinds = {value.dtype for value in tensors}
    if len(kinds) < _PAIR:
        return None
    learned = [v for v in tensors if v.kind is ValueKind.PARAMETER]
    asking = [v for v in tensors if v.requires_grad] or [
        v for v in tensors if _is_float(v)
    ]
    model = (learned or asking or [tensors[0]])[0]
    odd = [value for value in tensors if value.dtype != model.dtype]
    return (odd[0], model) if odd else None


def _converted(call: RaisedCall, value: Value, dtype: str) -> str:
    method = f".{_METHODS[dtype]}()" if dtype in _METHODS else f".to(torch.{dtype})"
    return call.code(value, method) or f"`{method}`"


def _tell_odd(call: RaisedCall, odd: Value, model: Value) -> Misfit:
    name, other = call.called(odd), call.called(model)
    layer = f" of {call.layer}" if call.layer and other == f"`{model.name}`" else ""
    return Misfit(
        title=f"{begin(name)} is {odd.dtype}, and {other} is {model.dtype}",
        reason=(
            f"`{call.name}` computes in one dtype; {name} is {odd.dtype}, "
            f"and {other}{layer} is "
            f"{model.dtype}."
        ),
        remedy=f"Convert it: {_converted(call, odd, model.dtype)}.",
        values=(odd.id, model.id),
    )


def _tell_index(call: RaisedCall, index: Value) -> Misfit:
    name = call.called(index)
    is_loss = call.name in ("cross_entropy", "nll_loss")
    what = "the numbers of classes" if is_loss else "places to look up"
    return Misfit(
        title=f"{begin(name)} is {index.dtype}, and `{call.name}` needs whole numbers",
        reason=(
            f"{begin(name)} {type_of(index)} holds {what} for `{call.name}`, which "
            "have to be int64."
        ),
        remedy=f"Convert it: {_converted(call, index, 'int64')}.",
        values=(index.id,),
    )


def _tell_target(call: RaisedCall, target: Value) -> Misfit:
    name, prediction = call.called(target), call.tensors[0]
    return Misfit(
        title=f"{begin(name)} is {target.dtype}, and `{call.name}` needs probabilities",
        reason=(
            f"`{call.name}` compares with a probability, also where it is 0 or 1; "
            f"{name} is {target.dtype}, and {call.called(prediction)} is "
            f"{prediction.dtype}."
        ),
        remedy=f"Convert it: {_converted(call, target, prediction.dtype)}.",
        values=(target.id, prediction.id),
    )


def _tell_cast(call: RaisedCall) -> Misfit | None:
    """Explain that an in-place call cannot put fractions into whole numbers."""
    target = call.tensors[0]
    others = [value for value in call.tensors[1:] if _is_float(value)]
    if _is_float(target):
        return None
    name = call.called(target)
    by = f" and {call.called(others[0])} is {others[0].dtype}" if others else ""
    return Misfit(
        title=f"{begin(name)} is {target.dtype}, and cannot take fractions",
        reason=(
            f"The result has to be put where {name} is, in place. {begin(name)} is "
            f"{target.dtype}{by}: what stands behind the point would be lost."
        ),
        remedy=f"Make {name} of floats: {_converted(call, target, 'float32')}.",
        values=(target.id, *(value.id for value in others[:1])),
    )


def _tell_whole(call: RaisedCall, value: Value) -> Misfit:
    name = call.called(value)
    return Misfit(
        title=f"{begin(name)} is {value.dtype}, and `{call.name}` needs fractions",
        reason=(
            f"The result of `{call.name}` is no whole number in general, and {name} is "
            f"{value.dtype}."
        ),
        remedy=f"Convert it: {_converted(call, value, 'float32')}.",
        values=(value.id,),
    )
