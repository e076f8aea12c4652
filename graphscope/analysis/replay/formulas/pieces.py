"""Formulas that choose: signs, bounds, comparisons, rounding. They have kinks."""

from collections.abc import Callable
from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table, elementwise, pairwise
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_AT_ZERO: Final = "has a kink at 0"
_AT_BOUNDS: Final = "has a kink at its bound"
_WHERE_EQUAL: Final = "has a kink where both are equal"
_JUMPS: Final = "jumps"


def sign_of_input(given: Given) -> Array:
    """Return on which side of 0 each element is; what is exactly 0 is on neither."""
    return np.asarray(np.sign(given.array("input").real))


def _is_zero(given: Given) -> Array:
    found = given.array("input")
    if np.iscomplexobj(found):
        return np.asarray(found == 0)
    return sign_of_input(given)


def _sign(x: Array) -> Array:
    if not np.iscomplexobj(x):
        return np.asarray(np.sign(x))
    size = np.abs(x)
    return np.asarray(np.where(size == 0, 0, x / np.where(size == 0, 1, size)))


def _bounds(given: Given) -> tuple[Array | None, Array | None]:
    low = given.optional("min")
    high = given.optional("max")
    return low, high


def _clamp(given: Given) -> Array:
    found = given.array("input")
    low, high = _bounds(given)
    if low is not None:
        found = np.maximum(found, low)
    if high is not None:
        found = np.minimum(found, high)
    return np.asarray(found)


def _clamp_piece(given: Given) -> Array:
    found = given.array("input")
    low, high = _bounds(given)
    piece = np.zeros(found.shape)
    if low is not None:
        piece = piece + np.sign(found - low)
    if high is not None:
        piece = piece + 4 * np.sign(found - high)
    return np.asarray(piece)


def _which_is_larger(given: Given) -> Array:
    return np.asarray(np.sign(given.array("input") - given.array("other")))


def _choose(given: Given) -> Array:
    mask = given.array("condition")
    return np.asarray(np.where(mask, given.array("input"), given.array("other")))


def _chosen(given: Given) -> Array:
    return given.array("condition")


def _fill(given: Given) -> Array:
    return np.asarray(
        np.where(given.array("mask"), given.array("value"), given.array("input"))
    )


def _mask(given: Given) -> Array:
    return given.array("mask")


def _round(given: Given) -> Array:
    return np.asarray(np.round(given.array("input"), given.whole("decimals", 0)))


def _steps(function: Callable[[Array], Array]) -> Formula:
    """Return the formula of a function that is constant between its jumps."""

    def compute(given: Given) -> Array:
        return np.asarray(function(given.array("input")))

    return Formula("input", compute, compute, _JUMPS)


def _comparison(function: Callable[[Array, Array], Array]) -> Formula:
    def compute(given: Given) -> Array:
        return np.asarray(function(given.array("input"), given.array("other")))

    return Formula("input~ other~", compute, compute, "changes its result")


def _logical(function: Callable[[Array, Array], Array]) -> Formula:
    return pairwise(lambda a, b: np.asarray(function(a, b)))


_LARGER: Final = Formula(
    "input~ other~",
    lambda given: np.maximum(given.array("input"), given.array("other")),
    _which_is_larger,
    _WHERE_EQUAL,
)
_SMALLER: Final = Formula(
    "input~ other~",
    lambda given: np.minimum(given.array("input"), given.array("other")),
    _which_is_larger,
    _WHERE_EQUAL,
)
_ABSOLUTE: Final = Formula(
    "input", lambda given: np.abs(given.array("input")), _is_zero, _AT_ZERO
)

PIECES: Final[Table] = {
    **dict.fromkeys(("abs", "absolute"), _ABSOLUTE),
    **dict.fromkeys(
        ("sign", "sgn"),
        Formula(
            "input",
            lambda given: _sign(given.array("input")),
            _is_zero,
            "jumps at 0",
        ),
    ),
    **dict.fromkeys(
        ("clamp", "clip"),
        Formula("input min~ max~", _clamp, _clamp_piece, _AT_BOUNDS),
    ),
    "clamp_min": Formula("input min~", _clamp, _clamp_piece, _AT_BOUNDS),
    "clamp_max": Formula("input max~", _clamp, _clamp_piece, _AT_BOUNDS),
    "where": Formula("condition input~ other~", _choose, _chosen, "chooses another"),
    "masked_fill": Formula("input mask value~", _fill, _mask, "chooses another"),
    **dict.fromkeys(("maximum", "fmax"), _LARGER),
    **dict.fromkeys(("minimum", "fmin"), _SMALLER),
    "round": Formula("input decimals:", _round, _round, _JUMPS),
    "floor": _steps(np.floor),
    "ceil": _steps(np.ceil),
    **dict.fromkeys(("trunc", "fix"), _steps(np.trunc)),
    "frac": Formula(
        "input",
        lambda given: np.asarray(given.array("input") - np.trunc(given.array("input"))),
        lambda given: np.asarray(np.trunc(given.array("input"))),
        "jumps at whole numbers",
    ),
    "heaviside": Formula(
        "input values",
        lambda given: np.heaviside(given.array("input"), given.array("values")),
        sign_of_input,
        "jumps at 0",
    ),
    **dict.fromkeys(("gt", "greater"), _comparison(np.greater)),
    **dict.fromkeys(("lt", "less"), _comparison(np.less)),
    **dict.fromkeys(("ge", "greater_equal"), _comparison(np.greater_equal)),
    **dict.fromkeys(("le", "less_equal"), _comparison(np.less_equal)),
    "eq": _comparison(np.equal),
    **dict.fromkeys(("ne", "not_equal"), _comparison(np.not_equal)),
    "isnan": elementwise(np.isnan),
    "isinf": elementwise(np.isinf),
    "isfinite": elementwise(np.isfinite),
    "logical_not": elementwise(np.logical_not),
    **dict.fromkeys(("invert", "bitwise_not"), elementwise(np.invert)),
    "logical_and": _logical(np.logical_and),
    "logical_or": _logical(np.logical_or),
    "logical_xor": _logical(np.logical_xor),
    **dict.fromkeys(("and", "bitwise_and"), _logical(np.bitwise_and)),
    **dict.fromkeys(("or", "bitwise_or"), _logical(np.bitwise_or)),
    **dict.fromkeys(("xor", "bitwise_xor"), _logical(np.bitwise_xor)),
}
