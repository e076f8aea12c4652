"""A sigmoid that gives exactly 0 or 1 on the wrong side, before the log of a loss.

Its derivative a · (1 − a) is 0 there, so the worst predictions learn nothing.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Check, Facts, Loss, plain_name
from graphscope.analysis.evidence.reading import data_of, last_through, scalar_of
from graphscope.analysis.evidence.wording import (
    amount,
    argument_texts,
    begin,
    code_of,
    name_and_place,
    name_call,
    name_value,
    where,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_CUT: Final = 100


def find_saturation_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each binary_cross_entropy of a sigmoid."""
    for loss in facts.losses:
        made_by = facts.origin_op(loss.input)
        is_wanted = loss.name == "binary_cross_entropy" and not loss.has_raised
        if is_wanted and made_by is not None and plain_name(made_by) == "sigmoid":
            yield partial(_judge, facts, loss, made_by)


def _judge(facts: Facts, loss: Loss, sigmoid: Op, trace: Trace) -> Finding | None:
    a, y = data_of(trace, loss.input), data_of(trace, loss.target)
    if a is None or y is None or a.shape != y.shape:
        return None
    wrong = ((a == 1) & (y < 1)) | ((a == 0) & (y > 0))
    if not wrong.any():
        return None
    scores = sigmoid.inputs[0]
    target = argument_texts(trace, loss)[1]
    code = code_of(trace, scores)
    call = f"`binary_cross_entropy_with_logits({code}, {target})`"
    return Finding(
        kind="saturated-sigmoid",
        title="sigmoid is saturated on the wrong side: no gradient",
        explanation=(
            f"{_example(trace, scores, a, y, wrong)} "
            f"{_result(facts, loss, sigmoid, trace, wrong)}"
        ),
        remedy=(
            f"Use {call if code else 'binary_cross_entropy_with_logits'} without "
            f"sigmoid{where(sigmoid.site)}: its gradient at "
            f"{name_value(trace, scores)} is a − y{_true_gradient(a, y, wrong)}."
        ),
        step=trace.step,
        site=sigmoid.site,
        values=(sigmoid.outputs[0], scores),
        ops=(sigmoid.id, loss.op.id),
    )


def _example(trace: Trace, scores: int, a: Array, y: Array, wrong: Array) -> str:
    """Describe the first entry that is exactly 0 or 1 where the other was wanted."""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    end = amount(a[place])
    z = data_of(trace, scores)
    score = "a large number" if z is None or z.size != a.size else ""
    if z is not None and z.size == a.size:
        score = amount(z.reshape(a.shape)[place])
    rest = int(wrong.sum())
    many = f" So it is for {rest} of {a.size} numbers." if a.size > 1 else ""
    entry = f" at {list(place)}" if a.size > 1 else ""
    return (
        f"{begin(name_and_place(trace, scores))} is {score}{entry}, where the label is "
        f"{amount(y[place])}: sigmoid gives exactly {end} there, rounded to "
        f"{trace.graph.values[scores].dtype}.{many}"
    )


def _true_gradient(a: Array, y: Array, wrong: Array) -> str:
    place = tuple(np.argwhere(wrong)[0])
    return f", here {amount(float(a[place]) - float(y[place]))}" if a.size == 1 else ""


def _result(facts: Facts, loss: Loss, sigmoid: Op, trace: Trace, wrong: Array) -> str:
    got = scalar_of(trace, loss.output)
    cut = f"{name_call(trace, loss.op)} takes the logarithm of 0, which torch cuts off "
    cut += f"at −{_CUT}"
    text = f"{cut}." if got is None else f"{cut}: the loss is {amount(got)}."
    _, sent = last_through(facts, trace, sigmoid)
    if sent is None or sent.data is None or sent.data.size != wrong.size:
        return f"{text} The derivative of sigmoid, a · (1 − a), is 0 there."
    behind = sent.data.reshape(wrong.shape)[wrong]
    if behind.any():
        return f"{text} The derivative of sigmoid, a · (1 − a), is 0 there."
    whom = name_value(trace, sigmoid.inputs[0]) if wrong.size == 1 else "these scores"
    verb = "gets" if wrong.size == 1 else "get"
    return (
        f"{text} The derivative of sigmoid, a · (1 − a), is 0 there, so {whom} {verb} "
        "the gradient 0: the worst predictions learn nothing."
    )
