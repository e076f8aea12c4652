"""Products: the gradient of a factor is the other factor times what arrives."""

from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.reading import is_zero
from graphscope.analysis.evidence.wording import (
    begin,
    count,
    name_and_place,
    name_value,
)
from graphscope.analysis.why.vanishing.causes.cause import Cause, Stop, Weight
from graphscope.model.graph import ValueKind

LAYER_PRODUCTS: Final = frozenset(
    {"linear", "conv1d", "conv2d", "conv3d", "bilinear"}
    | {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
)
"""Products with a bias behind the two factors."""

_PRODUCTS: Final = frozenset(
    {"mul", "rmul", "multiply", "matmul", "rmatmul", "mm", "bmm", "mv", "dot", "einsum"}
    | {"outer", "addmm", "baddbmm", "addmv", "addcmul", "div", "rdiv", "truediv"}
    | {"inner", "tensordot", "vdot", "cosine_similarity", "prod"}
)
_POWERS: Final = frozenset({"pow", "square"})
_RECURRENT: Final = frozenset(
    {"lstm", "gru", "rnn_tanh", "rnn_relu"}
    | {"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"}
)
_FACTORS: Final = 2


def explain_product(stop: Stop) -> Cause | None:
    """Explain a product with 0; None where no factor is all 0."""
    factor = zero_factor(stop)
    if factor is None:
        return _explain_partly(stop)
    value = stop.graph.values[factor]
    name = name_value(stop.trace, factor)
    if value.kind is ValueKind.CONSTANT:
        if value.name and value.name.isidentifier():
            name += ", which is 0"
        return Cause(
            short="multiplies by 0",
            text=(
                f"{begin(stop.call)} multiplies {stop.name} by {name}: the gradient "
                "of a factor is the other factor times what arrives."
            ),
            remedy="Give it another number if this part of the loss is to count.",
            weight=Weight.MEANT,
            factor=factor,
        )
    size = int(np.prod(value.shape))
    every = f" in all of its {count(size, 'number')}" * (size > 1)
    return Cause(
        short=f"multiplies by {name}, which is 0",
        text=(
            f"{begin(stop.call)} multiplies {stop.name} by "
            f"{name_and_place(stop.trace, factor)}, which is 0{every}: the gradient of "
            "a factor is the other factor times what arrives."
        ),
        remedy=_remedy(stop, factor),
        numbers=((f"zeros of {name.strip('`')}", float(size)),),
        factor=factor,
    )


def zero_factor(stop: Stop) -> int | None:
    """Return the factor beside the source that is all 0."""
    inputs = stop.op.inputs
    if plain_name(stop.op) in LAYER_PRODUCTS:
        inputs = inputs[:_FACTORS]
    others = [v for v in inputs if v != stop.source] or list(inputs)
    return next((v for v in others if is_zero(stop.trace.value_of(v))), None)


def _explain_partly(stop: Stop) -> Cause | None:
    """Explain a product in which what arrives meets only zeros of a factor."""
    for value in dict.fromkeys(stop.op.inputs):
        seen = stop.trace.value_of(value)
        stats = None if seen is None else seen.stats
        if value != stop.source and stats is not None and stats.zeros:
            name = name_value(stop.trace, value)
            return Cause(
                short=f"multiplies by zeros of {name}",
                text=(
                    f"{begin(stop.call)} multiplies {stop.name} by {name}, of which "
                    f"{stats.zeros:,} of {count(stats.numel, 'number')} are 0, and the "
                    "gradient that arrives meets these alone."
                ),
                remedy=f"Look at where {name} is 0.",
                numbers=((f"zeros of {name.strip('`')}", float(stats.zeros)),),
            )
    return None


def _remedy(stop: Stop, factor: int) -> str:
    name = name_value(stop.trace, factor)
    value = stop.graph.values[stop.facts.origin(factor)]
    if value.kind is ValueKind.PARAMETER:
        return (
            f"Start `{value.name}` from small random numbers "
            f"(`torch.nn.init.normal_({value.name}, std=0.01)`), not from zeros."
        )
    return f"Look at why {name} is 0 everywhere; it was meant to have other numbers."


def explain_power(stop: Stop) -> Cause | None:
    """Explain a power at 0."""
    if not is_zero(stop.trace.value_of(stop.source)):
        return None
    return Cause(
        short="is at its minimum",
        text=(
            f"{begin(stop.call)} is at its minimum: {stop.name} is 0, and so is the "
            "derivative there."
        ),
        remedy="Nothing has to be done if 0 is the right answer; else start elsewhere.",
        weight=Weight.MEANT,
    )


def explain_recurrence(stop: Stop) -> Cause | None:
    """Explain recurrent weights that meet only a hidden state of zeros."""
    values = stop.graph.values
    if "hh" not in (values[stop.source].name or ""):
        return None
    states = [
        value
        for value in stop.op.inputs[1:]
        if values[value].kind is not ValueKind.PARAMETER
        and is_zero(stop.trace.value_of(value))
    ]
    if not states:
        return None
    return Cause(
        short="runs one time step from a hidden state of zeros",
        text=(
            f"{begin(stop.call)} multiplies {stop.name} by the hidden state of the "
            "time step before, and there is none but the first one, which is 0: a "
            "sequence of one time step has no recurrence."
        ),
        remedy=(
            "Give it sequences with several time steps, along axis 1 with "
            "`batch_first=True` and along axis 0 without, or hand the hidden state on."
        ),
        factor=states[0],
    )


RULES: Final = {
    **dict.fromkeys(_PRODUCTS | LAYER_PRODUCTS, explain_product),
    **dict.fromkeys(_POWERS, explain_power),
    **dict.fromkeys(_RECURRENT, explain_recurrence),
}
