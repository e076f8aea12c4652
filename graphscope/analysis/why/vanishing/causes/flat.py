"""Operators that are flat between jumps, or whose result never changes."""

from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import begin, code_of
from graphscope.analysis.why.vanishing.causes.cause import (
    Cause,
    Stop,
    Weight,
    number_in,
    text_of,
)
from graphscope.model.graph import Graph, Op

STAIRCASES: Final = frozenset(
    {"round", "floor", "ceil", "trunc", "fix", "sign", "sgn", "heaviside"}
)
"""Functions whose derivative is 0 wherever they have one.

Source: torch's `derivatives.yaml`, where their formula is `zeros_like(grad)`.
"""

_SHARES: Final = frozenset({"softmax", "softmin", "log_softmax"})
_DROPOUTS: Final = frozenset(
    {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"}
)


def explain_staircase(stop: Stop) -> Cause:
    """Explain a function that jumps."""
    name = plain_name(stop.op)
    code = code_of(stop.trace, stop.source)
    x = code if code is not None and code.isidentifier() else "x"
    return Cause(
        short="is flat between its jumps",
        text=(
            f"{begin(stop.call)} sends 0 on: {name} is flat between its jumps, so its "
            "derivative is 0 whatever the numbers are."
        ),
        remedy=(
            f"Leave {name} out while training, or let the gradient pass beside it: "
            f"`{x} + ({x}.{name}() - {x}).detach()`."
        ),
        weight=Weight.ALWAYS,
    )


def is_flat(graph: Graph, op: Op) -> bool:
    """Whether an op lets no gradient through, whatever its numbers are."""
    name = plain_name(op)
    if name in STAIRCASES:
        return True
    if not op.inputs:
        return False
    if name in _DROPOUTS:
        is_on = text_of(op, "training", 2) == "True"
        return number_in(text_of(op, "p", 1)) == 1 and is_on
    if name == "layer_norm":
        return _is_of_single_numbers(op)
    shape = graph.values[op.inputs[0]].shape
    if name == "cross_entropy":
        return len(shape) > 1 and shape[1] == 1
    return name in _SHARES and _is_one_share(op, shape)


def _is_one_share(op: Op, shape: tuple[int, ...]) -> bool:
    """Whether a softmax goes over an axis with one entry."""
    axis = number_in(text_of(op, "dim", 1))
    if axis is None or not -len(shape) <= axis < len(shape):
        return False
    return shape[int(axis)] == 1


def _is_of_single_numbers(op: Op) -> bool:
    """Whether a layer_norm normalises numbers one by one."""
    axes = text_of(op, "normalized_shape", 1).strip("()[]")
    sizes = [number_in(text) for text in axes.split(",") if text.strip()]
    return bool(sizes) and all(size == 1 for size in sizes)


def explain_share(stop: Stop) -> Cause | None:
    """Explain a softmax over an axis with one entry; None of any other."""
    if not is_flat(stop.graph, stop.op):
        return None
    name = plain_name(stop.op)
    axis = text_of(stop.op, "dim", 1)
    always = "0" if name == "log_softmax" else "1"
    return Cause(
        short=f"is always {always} over one entry alone",
        text=(
            f"{begin(stop.call)} goes over axis {axis} of {stop.name}, which has the "
            f"shape {list(stop.shape)}: one entry alone. Its result is always "
            f"{always}, whatever the number is, so the derivative is 0."
        ),
        remedy=(
            "For one output per sample use a sigmoid and "
            "binary_cross_entropy_with_logits; for several classes give the last layer "
            "as many outputs."
        ),
        weight=Weight.ALWAYS,
    )


def explain_one_class(stop: Stop) -> Cause | None:
    """Explain a cross entropy between one class; None of any other."""
    if not is_flat(stop.graph, stop.op):
        return None
    return Cause(
        short="is always 0 with one class",
        text=(
            f"{begin(stop.call)} compares classes along axis 1, and {stop.name} has "
            f"the shape {list(stop.shape)}: one class alone. Its probability is always "
            "1 and the loss always 0, whatever the model gives."
        ),
        remedy=(
            "For one output per sample use binary_cross_entropy_with_logits; for "
            "several classes give the last layer as many outputs."
        ),
        weight=Weight.ALWAYS,
    )


def explain_norm(stop: Stop) -> Cause | None:
    """Explain a normalisation of single numbers; None of any other."""
    if not is_flat(stop.graph, stop.op):
        return None
    return Cause(
        short="normalises single numbers, which makes them 0",
        text=(
            f"{begin(stop.call)} normalises single numbers of {stop.name}: each minus "
            "its own mean is always 0, whatever the number is, so the derivative is 0."
        ),
        remedy=(
            "Normalise over an axis with more than one entry, or leave the layer out."
        ),
        weight=Weight.ALWAYS,
    )


def explain_dropout(stop: Stop) -> Cause | None:
    """Explain a dropout that drops everything."""
    if is_flat(stop.graph, stop.op):
        return Cause(
            short="drops everything with p = 1",
            text=(
                f"{begin(stop.call)} sets all of {stop.name} to 0: p = 1 is the "
                "probability to drop a number, not to keep it."
            ),
            remedy="Use a smaller p, such as 0.5.",
            weight=Weight.ALWAYS,
        )
    return Cause(
        short="has dropped everything",
        text=(
            f"{begin(stop.call)} has dropped all of {stop.name} in this step, by "
            "chance."
        ),
        remedy="Nothing has to be done if it is so in few steps.",
        weight=Weight.MEANT,
    )


RULES: Final = {
    **dict.fromkeys(STAIRCASES, explain_staircase),
    **dict.fromkeys(_SHARES, explain_share),
    **dict.fromkeys(_DROPOUTS, explain_dropout),
    "cross_entropy": explain_one_class,
    "layer_norm": explain_norm,
}
