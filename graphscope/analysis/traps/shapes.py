"""(N,) against (N, 1) in a loss: broadcasting compares each sample with every other."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Check, Facts, plain_name
from graphscope.analysis.evidence.reading import data_of, scalar_of
from graphscope.analysis.evidence.wording import (
    amount,
    begin,
    code_of,
    name_call,
    name_value,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind, Value, ValueKind
from graphscope.model.numbers import format_type
from graphscope.model.trace import Trace

_COMPARING: Final = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"})
_DIFFERENCES: Final = frozenset({"sub", "rsub", "subtract"})
_TO_LOSS: Final = frozenset(
    {"pow", "square", "abs", "absolute", "mul", "div", "mean", "sum"}
)
_PAIR: Final = 2


def find_shape_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each comparison of N samples that makes N × N of them."""
    for loss in facts.losses:
        values = facts.graph.values
        pair = values[loss.input], values[loss.target]
        if loss.name in _COMPARING and not loss.has_raised and _spreads(*pair):
            yield partial(_judge, loss.op, *pair)
    for op in facts.graph.ops:
        is_learned = op.kind is OpKind.COMPUTE and op.id in facts.before_roots
        if is_learned and plain_name(op) in _DIFFERENCES:
            found = _prediction_and_target(facts, op)
            if found is not None and _is_loss_by_hand(facts, op):
                yield partial(_judge, op, *found)


def _spreads(one: Value, other: Value) -> bool:
    """Whether one is a column and the other has as many numbers along one axis."""
    column, line = sorted((one.shape, other.shape), key=len, reverse=True)
    return len(line) == 1 and column == (line[0], 1) and line[0] > 1


def _prediction_and_target(facts: Facts, op: Op) -> tuple[Value, Value] | None:
    if len(op.inputs) != _PAIR:
        return None
    one, other = (facts.graph.values[v] for v in op.inputs)
    if other.requires_grad and not one.requires_grad:
        one, other = other, one
    is_pair = one.requires_grad and not other.requires_grad and _spreads(one, other)
    return (one, other) if is_pair and _is_target(facts, one, other) else None


def _is_target(facts: Facts, prediction: Value, other: Value) -> bool:
    """Whether a value is data, or what another run of a model predicts.

    A prediction that is compared with itself, detached, may want every pair.
    """
    if facts.is_given(other.id):
        return True
    own = {value.id for value in facts.ancestors(prediction.id)}
    return not any(
        value.kind is ValueKind.RESULT and value.requires_grad and value.id in own
        for value in facts.ancestors(other.id)
    )


def _is_loss_by_hand(facts: Facts, op: Op) -> bool:
    """Whether the differences are only squared or made positive, and averaged.

    Anything more may want every pair, as a kernel or a distance matrix does. What is
    done with their average, such as a root of it, is the same for all of them; and
    what no gradient comes through, such as a mean that is printed, does not count.
    """
    value = op.outputs[0]
    while facts.graph.values[value].shape:
        readers = [
            facts.graph.ops[reader]
            for reader in facts.graph.consumers.get(value, ())
            if reader in facts.before_roots
        ]
        if len(readers) != 1 or plain_name(readers[0]) not in _TO_LOSS:
            return False
        value = readers[0].outputs[0]
    return True


def _judge(op: Op, prediction: Value, target: Value, trace: Trace) -> Finding:
    number = max(prediction.shape[0], target.shape[0])
    types = [
        f"{name_value(trace, v.id)} is {format_type(v.dtype, v.shape)}"
        for v in (prediction, target)
    ]
    return Finding(
        kind="broadcast-loss",
        title=f"{number} predictions are compared with {number} labels each",
        explanation=(
            f"{begin(types[0])} and {types[1]}. {name_call(trace, op)} "
            f"broadcasts them to "
            f"[{number}, {number}]: {number * number:,} differences, every prediction "
            f"with every label, instead of {number}."
            f"{_compare(trace, op, prediction, target)}"
        ),
        remedy=_remedy(trace, prediction, target),
        step=trace.step,
        site=op.site,
        values=(prediction.id, target.id),
        ops=(op.id,),
    )


def _compare(trace: Trace, op: Op, prediction: Value, target: Value) -> str:
    got = scalar_of(trace, op.outputs[0]) if op.outputs else None
    p, y = data_of(trace, prediction.id), data_of(trace, target.id)
    if got is None or p is None or y is None or plain_name(op) != "mse_loss":
        return ""
    found = {a.name: a.text for a in op.arguments}
    if found.get("reduction", "'mean'") != "'mean'":
        return ""
    due = float(np.square(p.ravel().astype(np.float64) - y.ravel()).mean())
    return (
        f" The loss is {amount(got)}; of the pairs that belong together it is "
        f"{amount(due)}."
    )


def _remedy(trace: Trace, prediction: Value, target: Value) -> str:
    line = target if len(target.shape) == 1 else prediction
    code = code_of(trace, line.id)
    change = f"`{code}.unsqueeze(1)`" if code else "unsqueeze(1)"
    return f"Give both the same shape: {change} is a column like the other."
