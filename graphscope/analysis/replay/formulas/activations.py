"""Formulas of activation functions."""

from collections.abc import Callable
from math import pi, sqrt
from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table, elementwise
from graphscope.analysis.replay.formulas.pieces import sign_of_input
from graphscope.analysis.replay.formulas.special import (
    log_softmax,
    normal_cdf,
    sigmoid,
    softmax,
    softplus,
)
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

SELU_ALPHA: Final = 1.6732632423543772848170429916717
SELU_SCALE: Final = 1.0507009873554804934193349852946
"""Source: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515, equation 14."""

_AT_ZERO: Final = "has a kink at 0"
_AT_BOUND: Final = "has a kink at its bound"
_RRELU_LOW: Final = 1 / 8
_RRELU_HIGH: Final = 1 / 3


def _axis(given: Given) -> int:
    """Return the axis; where none was given, the one that torch falls back to.

    Source: torch.nn.functional._get_softmax_dim.
    """
    found = given.plain("dim")
    if found is not None:
        return int(found)
    return 0 if given.array("input").ndim in {0, 1, 3} else 1


def _along(function: Callable[..., Array], sign: float = 1.0) -> Formula:
    def compute(given: Given) -> Array:
        found = sign * given.array("input")
        rest = given.rounded("rest", found)
        if found.ndim == 0:
            return np.asarray(function(found[None], 0, rest[None])[0])
        return function(found, _axis(given), rest)

    return Formula("input dim:", compute)


def _at_zero(signature: str, compute: Callable[[Given], Array]) -> Formula:
    return Formula(signature, compute, sign_of_input, _AT_ZERO)


def _bounded(
    signature: str, compute: Callable[[Given], Array], *defaults: float
) -> Formula:
    """Return the formula of a function that is another one beyond its bounds."""
    names = signature.replace(":", "").split()[1:]

    def bounds(given: Given) -> list[float]:
        return [given.number(n, d) for n, d in zip(names, defaults, strict=True)]

    def branch(given: Given) -> Array:
        found = given.array("input")
        pieces = [np.sign(found - bound) for bound in bounds(given)]
        return np.asarray(sum(pieces, np.zeros(found.shape)))

    return Formula(signature, compute, branch, _AT_BOUND)


def _fixed(function: Callable[[Array], Array], *bounds: float) -> Formula:
    """Return the formula of a function of one tensor with kinks that never move."""

    def branch(given: Given) -> Array:
        found = given.array("input")
        pieces = [np.sign(found - bound) for bound in bounds]
        return np.asarray(sum(pieces, np.zeros(found.shape)))

    return Formula(
        "input", lambda given: function(given.array("input")), branch, _AT_BOUND
    )


def _leaky(given: Given) -> Array:
    x = given.array("input")
    return np.asarray(np.where(x > 0, x, given.number("negative_slope", 0.01) * x))


def _learned(given: Given) -> Array:
    x, slope = given.array("input"), given.array("weight")
    if slope.size > 1 and x.ndim > 1:
        slope = slope.reshape(-1, *[1] * (x.ndim - 2))
    return np.asarray(np.where(x > 0, x, slope * x))


def _evaluated(given: Given) -> Array:
    """`rrelu` draws its slopes in training, and takes their mean otherwise."""
    if given.flag("training"):
        raise given.refuse("it drew random slopes, which were not recorded")
    low, high = given.number("lower", _RRELU_LOW), given.number("upper", _RRELU_HIGH)
    x = given.array("input")
    return np.asarray(np.where(x > 0, x, (low + high) / 2 * x))


def _exponential(x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    below = alpha * np.expm1(np.minimum(x, 0.0) * input_scale)
    return np.asarray(scale * np.where(x > 0, x, below))


def _elu(given: Given) -> Array:
    scales = given.number("scale", 1.0), given.number("input_scale", 1.0)
    return _exponential(given.array("input"), given.number("alpha", 1.0), *scales)


def _celu(given: Given) -> Array:
    alpha = given.number("alpha", 1.0)
    return _exponential(given.array("input"), alpha, 1.0, 1 / alpha)


def _selu(given: Given) -> Array:
    return _exponential(given.array("input"), SELU_ALPHA, SELU_SCALE, 1.0)


def _gelu(given: Given) -> Array:
    x = given.array("input")
    if given.plain("approximate", "none") != "tanh":
        return np.asarray(x * normal_cdf(x))
    inner = sqrt(2 / pi) * (x + 0.044715 * x**3)
    return np.asarray(0.5 * x * (1 + np.tanh(inner)))


def _softplus(given: Given) -> Array:
    x, beta = given.array("input"), given.number("beta", 1.0)
    is_linear = x * beta > given.number("threshold", 20.0)
    return np.asarray(np.where(is_linear, x, softplus(x * beta) / beta))


def _softplus_piece(given: Given) -> Array:
    x, beta = given.array("input"), given.number("beta", 1.0)
    return np.asarray(np.sign(x * beta - given.number("threshold", 20.0)))


def _hardtanh(given: Given) -> Array:
    low, high = given.number("min_val", -1.0), given.number("max_val", 1.0)
    return np.asarray(np.clip(given.array("input"), low, high))


def _threshold(given: Given) -> Array:
    x = given.array("input")
    bound, other = given.number("threshold", 0.0), given.number("value", 0.0)
    return np.asarray(np.where(x > bound, x, other))


def _softshrink(given: Given) -> Array:
    x, bound = given.array("input"), given.number("lambd", 0.5)
    return np.asarray(np.sign(x) * np.maximum(np.abs(x) - bound, 0.0))


def _hardshrink(given: Given) -> Array:
    x, bound = given.array("input"), given.number("lambd", 0.5)
    return np.asarray(np.where(np.abs(x) > bound, x, 0.0))


def _shrunk_piece(given: Given) -> Array:
    x, bound = given.array("input"), given.number("lambd", 0.5)
    return np.asarray(np.sign(x - bound) + np.sign(x + bound))


def _gated(given: Given) -> Array:
    first, second = np.split(given.array("input"), 2, axis=given.whole("dim", -1))
    return np.asarray(first * sigmoid(second))


ACTIVATIONS: Final[Table] = {
    "relu": _at_zero("input", lambda given: np.maximum(given.array("input"), 0)),
    "leaky_relu": _at_zero("input negative_slope:", _leaky),
    "prelu": _at_zero("input weight", _learned),
    "rrelu": _at_zero("input lower: upper: training:", _evaluated),
    "elu": _at_zero("input alpha: scale: input_scale:", _elu),
    "celu": _at_zero("input alpha:", _celu),
    "selu": _at_zero("input", _selu),
    "gelu": Formula("input approximate:", _gelu),
    "silu": elementwise(lambda x: np.asarray(x * sigmoid(x))),
    "mish": elementwise(lambda x: np.asarray(x * np.tanh(softplus(x)))),
    "softplus": Formula(
        "input beta: threshold:", _softplus, _softplus_piece, "jumps at its threshold"
    ),
    "softsign": elementwise(lambda x: np.asarray(x / (1 + np.abs(x)))),
    "tanhshrink": elementwise(lambda x: np.asarray(x - np.tanh(x))),
    "softshrink": Formula("input lambd:", _softshrink, _shrunk_piece, _AT_BOUND),
    "hardshrink": Formula(
        "input lambd:", _hardshrink, _shrunk_piece, "jumps at its bound"
    ),
    "hardtanh": _bounded("input min_val: max_val:", _hardtanh, -1.0, 1.0),
    "relu6": _fixed(lambda x: np.clip(x, 0, 6), 0.0, 6.0),
    "hardsigmoid": _fixed(lambda x: np.clip(x / 6 + 0.5, 0, 1), -3.0, 3.0),
    "hardswish": _fixed(lambda x: x * np.clip(x / 6 + 0.5, 0, 1), -3.0, 3.0),
    **dict.fromkeys(
        ("_threshold",),
        Formula(
            "input threshold: value:",
            _threshold,
            lambda given: np.asarray(
                np.sign(given.array("input") - given.number("threshold", 0.0))
            ),
            "jumps at its threshold",
        ),
    ),
    **dict.fromkeys(("sigmoid", "expit"), elementwise(sigmoid)),
    **dict.fromkeys(("log_sigmoid",), elementwise(lambda x: -softplus(-x))),
    "logit": Formula(
        "input eps:",
        lambda given: np.asarray(
            np.log(given.array("input") / (1 - given.array("input")))
        ),
    ),
    "glu": Formula("input dim:", _gated),
    "softmax": _along(softmax),
    "softmin": _along(softmax, -1.0),
    "log_softmax": _along(log_softmax),
}
