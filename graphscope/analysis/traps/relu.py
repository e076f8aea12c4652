"""A ReLU that is 0 for the whole batch and lets no gradient through."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from graphscope.analysis.evidence.facts import LAYERS, Check, Facts, plain_name
from graphscope.analysis.evidence.reading import (
    is_nonzero,
    is_zero,
    last_through,
    parameters_before,
)
from graphscope.analysis.evidence.relus import as_numbers, relu_shares, write_shares
from graphscope.analysis.evidence.wording import (
    amount,
    begin,
    code_of,
    listing,
    name_and_place,
    name_value,
    norm_of,
    where,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind, ValueKind
from graphscope.model.trace import Trace

_PRODUCTS: Final = frozenset(
    {"addmm", "matmul", "mm", "mv", "bmm", "baddbmm", "einsum"}
)
_SUMS: Final = frozenset({"add", "radd"})
_SEVERAL: Final = 2


def find_relu_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each ReLU behind a layer that a root is computed from.

    Not for any other: `relu(1 - y * score)` is a loss, and 0 is what it wants to be.
    """
    for op in facts.graph.ops:
        is_relu = op.kind is OpKind.COMPUTE and plain_name(op) == "relu"
        if is_relu and op.id in facts.before_roots and _is_behind_layer(facts, op):
            is_last = not any(_has_parameter(facts, o) for o in _later(facts, op))
            yield partial(_judge, facts, op, is_last)


def _is_behind_layer(facts: Facts, op: Op) -> bool:
    made_by = facts.origin_op(op.inputs[0])
    if made_by is None:
        return False
    name = plain_name(made_by)
    return (
        name in LAYERS
        or name in _PRODUCTS
        or (name in _SUMS and _has_parameter(facts, made_by))
    )


def _has_parameter(facts: Facts, op: Op) -> bool:
    values = facts.graph.values
    return any(values[v].kind is ValueKind.PARAMETER for v in op.inputs)


def _later(facts: Facts, op: Op) -> Iterator[Op]:
    """Yield the ops between an op and the roots."""
    waiting, seen = list(op.outputs), set[int]()
    while waiting:
        for reader in facts.graph.consumers.get(waiting.pop(), ()):
            if reader in facts.before_roots and reader not in seen:
                seen.add(reader)
                found = facts.graph.ops[reader]
                waiting.extend(found.outputs)
                yield found


def _judge(facts: Facts, op: Op, is_last: bool, trace: Trace) -> Finding | None:  # noqa: FBT001 - bound by position
    output, before = op.outputs[0], op.inputs[0]
    if not is_zero(trace.value_of(output)):
        return None
    shape = trace.graph.values[output].shape
    samples = shape[0] if len(shape) >= _SEVERAL else 1
    arrived, sent = last_through(facts, trace, op)
    is_dead = is_nonzero(arrived) and is_zero(sent)
    if arrived is None or arrived.stats is None or not arrived.stats.is_finite:
        return None  # a NaN that arrives says nothing of what a ReLU lets through
    # One sample may well find a whole hidden layer off; a batch does not.
    if not is_dead or not (is_last or samples >= _SEVERAL):
        return None
    what = "The ReLU on the output" if is_last else "A hidden layer of ReLUs"
    size = trace.value_of(output)
    numbers = 0 if size is None or size.stats is None else size.stats.numel
    return Finding(
        kind="dead-relu",
        title=f"{what} is dead: 0 everywhere, and no gradient passes",
        explanation=(
            f"{begin(name_and_place(trace, output))} is 0"
            f"{f' in all of its {numbers:,} numbers' * (numbers > 1)}: what goes into "
            f"the ReLU is {_highest(trace, before)}. The gradient that arrives there "
            f"is {norm_of(arrived)}, behind the ReLU it is 0."
            f"{_silenced(facts, trace, before)}{_others(trace)}"
        ),
        remedy=_remedy(facts, trace, op, is_last=is_last),
        step=trace.step,
        site=op.site,
        values=(output, before),
        ops=(op.id,),
        numbers=as_numbers(relu_shares(trace)),
    )


def _others(trace: Trace) -> str:
    """Say how much of each ReLU is 0, where there are several."""
    text = write_shares(relu_shares(trace))
    return f" {text}" if text else ""


def _highest(trace: Trace, value: int) -> str:
    seen = trace.value_of(value)
    stats = None if seen is None else seen.stats
    if stats is None:
        return "not above 0"
    if stats.numel == 1:
        return amount(stats.maximum)
    return f"nowhere above {amount(stats.maximum)}"


def _silenced(facts: Facts, trace: Trace, value: int) -> str:
    names = parameters_before(facts, trace, value, is_zero)
    if not names:
        return ""
    if len(names) == 1:
        return f" So the gradient of {names[0]} is 0, and no update moves it."
    return f" So the gradients of {listing(names)} are 0, and no update moves them."


def _remedy(facts: Facts, trace: Trace, op: Op, *, is_last: bool) -> str:
    before = name_value(trace, op.inputs[0])
    if is_last:
        is_layer = facts.class_names.get(op.scope) == "ReLU" and before[0] != "`"
        change = f"Use {before} as the output, without the ReLU{where(op.site)}"
        if is_layer:
            change = f"Leave out the layer `{op.scope}` (ReLU)"
        return f"{change}: an output that has to take any value needs none."
    code = code_of(trace, op.inputs[0])
    leaky = "leaky_relu" if code is None else f"leaky_relu({code})"
    return (
        "Start from other weights (a smaller bias, another seed) or with a smaller lr, "
        f"or use {leaky}, which lets some gradient through."
    )
