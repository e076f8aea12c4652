"""Formulas of arithmetic: operators between numbers, powers, roots and exponentials."""

from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table, elementwise, pairwise
from graphscope.analysis.replay.formulas.special import (
    complementary_error_function,
    error_function,
    log_gamma,
)
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_SCALED: Final = "input~ other~ alpha~"


def _add(given: Given) -> Array:
    scale = given.plain("alpha", 1)
    return np.asarray(given.array("input") + scale * given.array("other"))


def _subtract(given: Given) -> Array:
    scale = given.plain("alpha", 1)
    return np.asarray(given.array("input") - scale * given.array("other"))


def _subtract_reflected(given: Given) -> Array:
    """Two operands stand as the user wrote them, with a third one as torch has them."""
    first, second = given.array("input"), given.array("other")
    scale = given.plain("alpha")
    return np.asarray(first - second if scale is None else second - scale * first)


def _divide(given: Given) -> Array:
    quotient = np.true_divide(given.array("input"), given.array("other"))
    mode = given.plain("rounding_mode")
    if mode is None:
        return np.asarray(quotient)
    return np.asarray(np.floor(quotient) if mode == "floor" else np.trunc(quotient))


def _quotient_piece(given: Given) -> Array:
    """A quotient that is rounded jumps at whole numbers; any other has no pieces."""
    if given.plain("rounding_mode") is None:
        return np.zeros(())
    return _divide(given)


def _power(base: Array, exponent: Array) -> Array:
    if exponent.dtype.kind in "iub" and base.dtype.kind in "iub":
        return np.asarray(np.power(base, exponent))
    return np.asarray(np.power(base * 1.0, exponent))


def _modulo(given: Given) -> Array:
    return np.asarray(np.mod(given.array("input"), given.array("other")))


def _floored(given: Given) -> Array:
    return np.asarray(np.floor_divide(given.array("input"), given.array("other")))


def _truncated(given: Given) -> Array:
    return np.asarray(np.trunc(given.array("input") / given.array("other")))


def _remainder_of_truncation(given: Given) -> Array:
    return np.asarray(np.fmod(given.array("input"), given.array("other")))


def _product_added(given: Given) -> Array:
    product = given.array("tensor1") * given.array("tensor2")
    return np.asarray(given.array("input") + given.plain("value", 1) * product)


def _quotient_added(given: Given) -> Array:
    quotient = given.array("tensor1") / given.array("tensor2")
    return np.asarray(given.array("input") + given.plain("value", 1) * quotient)


def _interpolated(given: Given) -> Array:
    start, end = given.array("input"), given.array("end")
    return np.asarray(start + given.array("weight") * (end - start))


def x_log_y(x: Array, y: Array) -> Array:
    """Return x * log(y), and 0 where x is 0."""
    return np.asarray(np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, y))))


ARITHMETIC: Final[Table] = {
    "add": Formula(_SCALED, _add),
    "sub": Formula(_SCALED, _subtract),
    "subtract": Formula(_SCALED, _subtract),
    "rsub": Formula(_SCALED, _subtract_reflected),
    "mul": pairwise(np.multiply),
    "multiply": pairwise(np.multiply),
    **dict.fromkeys(
        ("div", "divide", "true_divide", "rdiv"),
        Formula(
            "input~ other~ rounding_mode:",
            _divide,
            _quotient_piece,
            "jumps where its quotient is a whole number",
        ),
    ),
    "pow": Formula(
        "input~ exponent~",
        lambda given: _power(given.array("input"), given.array("exponent")),
    ),
    "float_power": Formula(
        "input~ exponent~",
        lambda given: _power(given.array("input"), given.array("exponent")),
    ),
    "rpow": pairwise(_power),
    **dict.fromkeys(
        ("remainder", "rmod"),
        Formula(
            "input~ other~",
            _modulo,
            _floored,
            "jumps where its quotient is a whole number",
        ),
    ),
    "fmod": Formula(
        "input~ other~",
        _remainder_of_truncation,
        _truncated,
        "jumps where its quotient is a whole number",
    ),
    **dict.fromkeys(
        ("floor_divide", "floordiv", "rfloordiv"),
        Formula(
            "input~ other~",
            _floored,
            _floored,
            "jumps where its quotient is a whole number",
        ),
    ),
    "addcmul": Formula("input tensor1 tensor2 value~", _product_added),
    "addcdiv": Formula("input tensor1 tensor2 value~", _quotient_added),
    "lerp": Formula("input end weight~", _interpolated),
    "neg": elementwise(np.negative),
    "negative": elementwise(np.negative),
    "sqrt": elementwise(np.sqrt),
    "rsqrt": elementwise(lambda x: 1 / np.sqrt(x)),
    "reciprocal": elementwise(lambda x: np.true_divide(1.0, x)),
    "square": elementwise(np.square),
    "exp": elementwise(np.exp),
    "exp2": elementwise(np.exp2),
    "expm1": elementwise(np.expm1),
    "log": elementwise(np.log),
    "log2": elementwise(np.log2),
    "log10": elementwise(np.log10),
    "log1p": elementwise(np.log1p),
    "sin": elementwise(np.sin),
    "cos": elementwise(np.cos),
    "tan": elementwise(np.tan),
    "sinh": elementwise(np.sinh),
    "cosh": elementwise(np.cosh),
    "tanh": elementwise(np.tanh),
    "sinc": elementwise(np.sinc),
    **dict.fromkeys(("asin", "arcsin"), elementwise(np.arcsin)),
    **dict.fromkeys(("acos", "arccos"), elementwise(np.arccos)),
    **dict.fromkeys(("atan", "arctan"), elementwise(np.arctan)),
    **dict.fromkeys(("asinh", "arcsinh"), elementwise(np.arcsinh)),
    **dict.fromkeys(("acosh", "arccosh"), elementwise(np.arccosh)),
    **dict.fromkeys(("atanh", "arctanh"), elementwise(np.arctanh)),
    **dict.fromkeys(("atan2", "arctan2"), pairwise(np.arctan2)),
    "hypot": pairwise(np.hypot),
    "logaddexp": pairwise(np.logaddexp),
    "logaddexp2": pairwise(np.logaddexp2),
    "xlogy": pairwise(x_log_y),
    "erf": elementwise(error_function),
    "erfc": elementwise(complementary_error_function),
    "lgamma": elementwise(log_gamma),
    "conj": elementwise(np.conjugate),
    "real": elementwise(np.real),
    "imag": elementwise(np.imag),
    "angle": elementwise(np.angle),
    "complex": Formula(
        "real imag",
        lambda given: np.asarray(given.array("real") + 1j * given.array("imag")),
    ),
    "polar": Formula(
        "abs angle",
        lambda given: np.asarray(
            given.array("abs") * np.exp(1j * given.array("angle"))
        ),
    ),
}
