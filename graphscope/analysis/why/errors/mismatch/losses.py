"""Losses: predictions and targets of other shapes than the loss compares."""

from math import prod
from typing import Final

from graphscope.analysis.evidence.facts import LOSSES
from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.errors.mismatch.call import Misfit, RaisedCall, sizes
from graphscope.model.graph import Value

_CLASSES: Final = frozenset({"cross_entropy", "nll_loss"})
_BINARY: Final = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits"})
_PAIR: Final = 2


def explain_loss(call: RaisedCall) -> Misfit | None:
    """Explain why a loss cannot compare two tensors."""
    if call.name not in LOSSES or len(call.tensors) < _PAIR:
        return None
    prediction, target = call.tensors[:_PAIR]
    if call.name in _CLASSES and not target.dtype.startswith("float"):
        return _explain_classes(call, prediction, target)
    if call.name in _BINARY and prediction.shape != target.shape:
        return _tell_binary(call, prediction, target)
    return None


def _explain_classes(
    call: RaisedCall, prediction: Value, target: Value
) -> Misfit | None:
    """Explain scores and labels: a label less by the axis of the classes."""
    scores, labels = prediction.shape, target.shape
    due = (*scores[:1], *scores[2:]) if len(scores) > 1 else ()
    if labels == due or not scores:
        return None
    one, other = call.called(prediction), call.called(target)
    return Misfit(
        title=f"{begin(other)} {sizes(target)} are no labels for {one} "
        f"{sizes(prediction)}",
        reason=(
            f"`{call.name}` takes scores {sizes(prediction)}, whose axis "
            f"{1 if len(scores) > 1 else 0} are the classes, and a label for each of "
            f"the rest: {list(due)}. {begin(other)} is {sizes(target)}."
        ),
        remedy=_class_remedy(call, prediction, target, due),
        values=(prediction.id, target.id),
    )


def _class_remedy(
    call: RaisedCall, prediction: Value, target: Value, due: tuple[int, ...]
) -> str:
    scores, labels = prediction.shape, target.shape
    name = call.called(target)
    if labels == (*due, 1):
        code = call.code(target, f".squeeze({len(due)})") or "`.squeeze()`"
        return f"Take the axis of 1 away: {code} is {list(due)}."
    if len(scores) > _PAIR and labels == scores[:-1]:
        last = len(scores) - 1
        order = f".movedim({last}, 1)" if last > _PAIR else ".transpose(1, 2)"
        code = call.code(prediction, order) or f"`{order}`"
        return f"Its last axis are the classes; put them second: {code}."
    if len(scores) == _PAIR and prod(labels) == scores[0]:
        code = call.code(target, ".flatten()") or "`.flatten()`"
        return f"Make one axis of the labels: {code} is [{scores[0]}]."
    return f"Give {name} the shape {list(due)}, a label for each row of scores."


def _tell_binary(call: RaisedCall, prediction: Value, target: Value) -> Misfit:
    one, other = call.called(prediction), call.called(target)
    remedy = "Give both the same shape."
    if prod(prediction.shape) == prod(target.shape):
        is_column = prediction.shape == (*target.shape, 1)
        ending = (
            f".unsqueeze({len(target.shape)})"
            if is_column
            else f".view({', '.join(map(str, prediction.shape))})"
        )
        code = call.code(target, ending) or f"`{ending}`"
        remedy = f"Give {other} the shape of {one}: {code} is {sizes(prediction)}."
    return Misfit(
        title=f"{begin(one)} {sizes(prediction)} and {other} {sizes(target)} have not "
        "the same shape",
        reason=(
            f"`{call.name}` compares each number with the one at its place, and does "
            "not broadcast."
        ),
        remedy=remedy,
        values=(prediction.id, target.id),
    )
