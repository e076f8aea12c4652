"""Prediction and target in each other's place: `criterion(y, y_hat)`."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Check, Facts, Loss
from graphscope.analysis.evidence.reading import data_of, scalar_of
from graphscope.analysis.evidence.wording import (
    amount,
    argument_texts,
    call_with,
    name_call,
    name_value,
)
from graphscope.model.finding import Finding
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_SYMMETRIC: Final = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"})
_WHOLE: Final = ("int64", "int32", "uint8")
_CUT: Final = -100.0
"""Where torch cuts the logarithms of binary_cross_entropy off."""


def find_swapped_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each loss whose target requires a gradient, not its input."""
    for loss in facts.losses:
        if _is_swapped(facts, loss):
            yield partial(_judge, loss)


def _is_swapped(facts: Facts, loss: Loss) -> bool:
    values = facts.graph.values
    prediction, given = values[loss.target], values[loss.input]
    if not prediction.requires_grad or prediction.is_leaf:
        return False
    if loss.has_raised:
        return loss.name in ("cross_entropy", "nll_loss") and given.dtype in _WHOLE
    return loss.name != "nll_loss" and facts.is_given(loss.input)


def _judge(loss: Loss, trace: Trace) -> Finding | None:
    if loss.name in ("kl_div", "cross_entropy") and not _is_misread(loss, trace):
        return None
    first, second = argument_texts(trace, loss)
    is_same = loss.name in _SYMMETRIC
    return Finding(
        kind="swapped-arguments",
        title=f"Prediction and target of {loss.name} are swapped"
        + (", which changes no number" if is_same else ""),
        explanation=(
            f"{name_call(trace, loss.op)} calls {loss.name}(input, target). In the "
            f"place of the target stands {name_value(trace, loss.target)}, which "
            "requires a gradient: the prediction. In the place of the prediction "
            f"stands {name_value(trace, loss.input)}, which is given. "
            f"{_consequence(loss, trace)}"
        ),
        remedy=f"Put the prediction first: {call_with(trace, loss, second, first)}.",
        step=trace.step,
        site=loss.op.site,
        values=(loss.target, loss.input),
        ops=(loss.op.id,),
    )


def _consequence(loss: Loss, trace: Trace) -> str:
    if loss.has_raised:
        error = loss.op.note.removeprefix("raised ").rstrip(".")
        return f"It raised {error}."
    if loss.name in _SYMMETRIC:
        return (
            f"{loss.name} is symmetric: the loss and the gradients are the same both "
            "ways. Of cross_entropy and binary_cross_entropy they are not."
        )
    got, due = scalar_of(trace, loss.output), _in_order(loss, trace)
    text = f"{loss.name} is not symmetric"
    if got is None or due is None:
        return f"{text}: loss and gradients are those of another function."
    return f"{text}: the loss is {amount(got)}, and in order it is {amount(due)}."


def _is_misread(loss: Loss, trace: Trace) -> bool:
    """Whether the numbers show it where a gradient to the target may be meant.

    `kl_div` of a fixed model's log-probabilities and a prediction is the reverse
    divergence, which is used. But log-probabilities are never above 0, and
    probabilities never below.
    """
    if loss.has_raised:
        return True
    first, second = data_of(trace, loss.input), data_of(trace, loss.target)
    if loss.name == "kl_div":
        options = {a.name: a.text for a in loss.op.arguments}
        is_log = options.get("log_target") == "True"
        if first is None or second is None or is_log:
            return False
        return bool((first > 0).any() or (second < 0).any())
    return second is not None and bool((second < 0).any())


def _in_order(loss: Loss, trace: Trace) -> float | None:
    """Return the loss with its arguments in order, where it can be computed."""
    y, p = data_of(trace, loss.input), data_of(trace, loss.target)
    if y is None or p is None or y.shape != p.shape:
        return None
    if loss.reduction not in ("mean", "sum"):
        return None
    each = _each(loss.name, p.astype(np.float64), y.astype(np.float64))
    if each is None:
        return None
    return float(each.mean() if loss.reduction == "mean" else each.sum())


def _each(name: str, p: Array, y: Array) -> Array | None:
    found: Array | None = None
    if name == "binary_cross_entropy" and not ((p < 0) | (p > 1)).any():
        with np.errstate(divide="ignore"):
            right = np.maximum(np.log(p), _CUT)
            wrong = np.maximum(np.log(1 - p), _CUT)
        found = -(y * right + (1 - y) * wrong)
    if name == "binary_cross_entropy_with_logits":
        found = np.maximum(p, 0) - p * y + np.log1p(np.exp(-np.abs(p)))
    return found
