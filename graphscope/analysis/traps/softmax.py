"""The loss applies softmax or sigmoid itself, and gets its result already.

`cross_entropy` takes scores and applies log_softmax to them,
`binary_cross_entropy_with_logits` sigmoid; `nll_loss` takes logarithms.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Check, Facts, Loss, plain_name
from graphscope.analysis.evidence.reading import data_of, scalar_of
from graphscope.analysis.evidence.wording import (
    amount,
    begin,
    code_of,
    count,
    name_and_place,
    name_call,
    name_step_to_drop,
    name_value,
    site_of,
    where,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_SOFTMAX: Final = frozenset({"softmax", "softmin", "gumbel_softmax"})
_LOG: Final = frozenset({"log_softmax", "log", "logsigmoid"})
_LAYERS: Final = {"Softmax", "Softmin", "LogSoftmax", "Sigmoid", "Softmax2d"}
_TYPED: Final = 1e-3
"""Probabilities that somebody typed sum to 1 as well as their digits allow."""
_COMPUTED: Final = 1e-5
"""Computed ones do within float32's rounding, also over thousands of classes."""
_FEW_AXES: Final = 2
_SEVERAL: Final = 2

_Judge = Callable[[Facts, Loss, Op, Trace], Finding]


def find_softmax_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each loss whose input may have passed softmax already."""
    for loss in facts.losses:
        made_by = facts.origin_op(loss.input)
        if loss.has_raised:
            continue
        name = "" if made_by is None else plain_name(made_by)
        kind = "softmax" if name in _SOFTMAX else name
        judge = _JUDGES.get((loss.name, kind))
        if judge is not None and made_by is not None:
            yield partial(judge, facts, loss, made_by)
        elif loss.name == "cross_entropy" and name not in _LOG:
            yield partial(_judge_numbers, facts, loss)


def _judge_softmax(facts: Facts, loss: Loss, softmax: Op, trace: Trace) -> Finding:
    name, scores = _subject(trace, loss), softmax.inputs[0]
    return _finding(
        "softmax-twice",
        "softmax is applied twice",
        f"{name} is the result of softmax{where(softmax.site)}: probabilities. "
        f"{name_call(trace, loss.op)} takes scores and applies softmax itself, so it "
        f"acts twice.{_compare(trace, loss, facts.origin(loss.input))}",
        f"Leave out {name_step_to_drop(facts, trace, softmax, _LAYERS)}: give the loss "
        f"the scores, {name_value(trace, scores)}, and use softmax only to read off "
        "probabilities.",
        place=(trace, loss, softmax),
    )


def _judge_log_softmax(facts: Facts, loss: Loss, softmax: Op, trace: Trace) -> Finding:
    name, scores = _subject(trace, loss), softmax.inputs[0]
    return _finding(
        "log-softmax-twice",
        "log_softmax is applied twice, which changes no number",
        f"{name} is the result of log_softmax{where(softmax.site)}, and "
        f"{name_call(trace, loss.op)} applies log_softmax again. Of logarithms of "
        "probabilities that gives the same numbers: the loss is right, and computed "
        "twice.",
        f"Leave out {name_step_to_drop(facts, trace, softmax, _LAYERS)} and give the "
        f"loss {name_value(trace, scores)}, or keep it and use nll_loss.",
        place=(trace, loss, softmax),
    )


def _judge_nll(facts: Facts, loss: Loss, softmax: Op, trace: Trace) -> Finding:
    name, scores = _subject(trace, loss), softmax.inputs[0]
    return _finding(
        "nll-of-probabilities",
        "nll_loss gets probabilities, not their logarithms",
        f"{name} is the result of softmax{where(softmax.site)}: probabilities. "
        f"{name_call(trace, loss.op)} expects their logarithms and only changes the "
        "sign of the entry of the right class."
        f"{_compare(trace, loss, facts.origin(loss.input))}",
        f"Use log_softmax in place of softmax, or give {name_value(trace, scores)} to "
        "cross_entropy, which does both.",
        place=(trace, loss, softmax),
    )


def _judge_sigmoid(facts: Facts, loss: Loss, sigmoid: Op, trace: Trace) -> Finding:
    name, scores = _subject(trace, loss), sigmoid.inputs[0]
    got, due = scalar_of(trace, loss.output), _binary(trace, loss)
    compared = ""
    if got is not None and due is not None:
        compared = f" The loss is {amount(got)}; with sigmoid once it is {amount(due)}."
    return _finding(
        "sigmoid-twice",
        "sigmoid is applied twice",
        f"{name} is the result of sigmoid{where(sigmoid.site)}: numbers from 0 to 1. "
        f"{name_call(trace, loss.op)} takes scores and applies sigmoid itself, which "
        f"makes numbers from 0.5 to 0.7311 of them.{compared}",
        f"Leave out {name_step_to_drop(facts, trace, sigmoid, _LAYERS)}: give the loss "
        f"{name_value(trace, scores)}, or use binary_cross_entropy.",
        place=(trace, loss, sigmoid),
    )


_JUDGES: Final[Mapping[tuple[str, str], _Judge]] = {
    ("cross_entropy", "softmax"): _judge_softmax,
    ("cross_entropy", "log_softmax"): _judge_log_softmax,
    ("nll_loss", "softmax"): _judge_nll,
    ("binary_cross_entropy_with_logits", "sigmoid"): _judge_sigmoid,
}


def _judge_numbers(facts: Facts, loss: Loss, trace: Trace) -> Finding | None:
    """Ask the numbers themselves where no softmax was recorded."""
    data, made_by = data_of(trace, loss.input), facts.origin_op(loss.input)
    if data is None or not is_probabilities(
        data, is_typed=_is_typed(loss, facts, trace)
    ):
        return None
    rows = ", and each row sums" if data.size > data.shape[-1] else " and sum"
    code = code_of(trace, loss.input)
    logarithm = f", `{code}.log()`" if code else ""
    return _finding(
        "softmax-twice",
        "cross_entropy gets what looks like probabilities",
        f"{begin(name_and_place(trace, loss.input))} looks like probabilities: its "
        f"{count(data.size, 'number')} lie between 0 and 1{rows} to 1. "
        f"{name_call(trace, loss.op)} takes scores and applies softmax itself."
        f"{_compare(trace, loss, loss.input)}",
        "Give the loss the scores from before softmax; where there are only "
        f"probabilities, use nll_loss of their logarithm{logarithm}.",
        place=(trace, loss, made_by),
    )


def _is_typed(loss: Loss, facts: Facts, trace: Trace) -> bool:
    """Whether the numbers are as somebody wrote them, not computed or trained."""
    value = facts.graph.values[facts.origin(loss.input)]
    made_by = facts.origin_op(loss.input)
    is_from_outside = made_by is None or made_by.kind is OpKind.CREATE
    return is_from_outside and (not value.requires_grad or trace.step == 0)


def is_probabilities(data: Array, *, is_typed: bool) -> bool:
    """Whether each row of scores must have been probabilities.

    One row of computed numbers may sum to 1 by chance, so there it takes several. Rows
    of a single 1, and rows of equal numbers, say nothing: of the first nobody knows
    whether they were meant as scores, for the others softmax changes nothing.

    >>> import numpy as np
    >>> is_probabilities(np.array([[0.83, 0.17]]), is_typed=True)
    True
    >>> is_probabilities(np.array([[0.83, 0.17]]), is_typed=False)
    False
    >>> is_probabilities(np.array([[1.0, 0.0], [0.5, 0.5]]), is_typed=True)
    False
    """
    if data.dtype.kind != "f" or data.ndim not in (1, _FEW_AXES) or not data.size:
        return False
    rows = data.reshape(-1, data.shape[-1]).astype(np.float64)
    if rows.shape[-1] < _SEVERAL or not ((rows >= 0) & (rows <= 1)).all():
        return False
    tolerance = _TYPED if is_typed else _COMPUTED
    if (np.abs(rows.sum(axis=1) - 1) > tolerance).any():
        return False
    high, low = rows.max(axis=1), rows.min(axis=1)
    telling = int(((high < 1) & (high - low > _TYPED)).sum())
    return telling >= (1 if is_typed else _SEVERAL)


def _subject(trace: Trace, loss: Loss) -> str:
    """Begin a sentence about the input: by the user's name, if there is one."""
    code = code_of(trace, loss.input)
    return f"`{code}`" if code else "The input of the loss"


def _compare(trace: Trace, loss: Loss, probabilities: int) -> str:
    """Say what the loss is and what −log of the probabilities gives, if known."""
    got, due = scalar_of(trace, loss.output), _negative_log(trace, loss, probabilities)
    if got is None or due is None:
        return ""
    return (
        f" The loss is {amount(got)}; −log of the probability of the right class is "
        f"{amount(due)}."
    )


def _negative_log(trace: Trace, loss: Loss, probabilities: int) -> float | None:
    """Return the cross-entropy of probabilities by class labels; None if unknown."""
    data, labels = data_of(trace, probabilities), data_of(trace, loss.target)
    if data is None or labels is None or loss.reduction not in ("mean", "sum"):
        return None
    if labels.dtype.kind not in "iu" or data.ndim not in (1, _FEW_AXES):
        return None
    rows, wanted = data.reshape(-1, data.shape[-1]), labels.reshape(-1)
    if len(rows) != len(wanted) or not len(wanted):
        return None
    if wanted.min() < 0 or wanted.max() >= rows.shape[1]:
        return None
    chosen = rows[np.arange(len(wanted)), wanted].astype(np.float64)
    if (chosen <= 0).any():
        return None
    each = -np.log(chosen)
    return float(each.mean() if loss.reduction == "mean" else each.sum())


def _binary(trace: Trace, loss: Loss) -> float | None:
    """Return the binary cross-entropy of probabilities; None if unknown."""
    data, labels = data_of(trace, loss.input), data_of(trace, loss.target)
    if data is None or labels is None or loss.reduction not in ("mean", "sum"):
        return None
    if data.shape != labels.shape or ((data <= 0) | (data >= 1)).any():
        return None
    p, y = data.astype(np.float64), labels.astype(np.float64)
    each = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    return float(each.mean() if loss.reduction == "mean" else each.sum())


def _finding(
    kind: str,
    title: str,
    explanation: str,
    remedy: str,
    *,
    place: tuple[Trace, Loss, Op | None],
) -> Finding:
    trace, loss, made_by = place
    ops = (loss.op.id,) if made_by is None else (loss.op.id, made_by.id)
    outputs = () if loss.output is None else (loss.output,)
    return Finding(
        kind=kind,
        title=title,
        explanation=explanation,
        remedy=remedy,
        step=trace.step,
        site=loss.op.site or site_of(trace, loss.input),
        values=(loss.input, *outputs),
        ops=ops,
    )
