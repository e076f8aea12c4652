"""Formulas of reductions: sums, means, spreads, norms and running totals."""

from collections.abc import Callable
from math import inf
from typing import Any, Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.formulas.special import log_sum_exp
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array


def axes_of(given: Given, ndim: int) -> tuple[int, ...]:
    """Return the axes that are reduced: all of them where none was given."""
    found = given.wholes("dim")
    if not found:
        return tuple(range(ndim))
    if not all(-max(ndim, 1) <= axis < max(ndim, 1) for axis in found):
        raise given.refuse("it has no such axis")
    return tuple(axis % ndim for axis in found) if ndim else ()


def reduced(given: Given, function: Callable[..., Any], found: Array) -> Array:
    """Apply a function of NumPy's over the axes that the op reduces."""
    axes = axes_of(given, found.ndim)
    return np.asarray(function(found, axis=axes, keepdims=given.flag("keepdim")))


def _reduction(function: Callable[..., Any]) -> Formula:
    return Formula(
        "input dim: keepdim:",
        lambda given: reduced(given, function, given.array("input")),
    )


def _product(given: Given) -> Array:
    found = given.array("input")
    axis = given.plain("dim")
    if axis is None:
        return np.asarray(found.prod())
    return np.asarray(found.prod(axis=int(axis), keepdims=given.flag("keepdim")))


def _correction(given: Given) -> float:
    if "correction" in given.bound:
        return given.number("correction", 1.0)
    return 1.0 if given.flag("unbiased", default=True) else 0.0


def _variance(given: Given) -> Array:
    found = given.array("input")
    if isinstance(given.bound.get("dim"), bool):  # `x.var(False)` is about the bias
        return np.asarray(found.var(ddof=int(bool(given.plain("dim")))))
    axes = axes_of(given, found.ndim)
    count = np.prod([found.shape[axis] for axis in axes])
    mean = given.rounded("mean", found).mean(axis=axes, keepdims=True)
    distances = np.abs(found - mean) ** 2
    total = distances.sum(axis=axes, keepdims=given.flag("keepdim"))
    return np.asarray(total / max(count - _correction(given), 0))


def _mean(given: Given) -> Array:
    return reduced(given, np.mean, given.array("input"))


def _order(given: Given) -> float | str:
    """Return the order of a norm, by any of the names that torch has for it."""
    for name in ("p", "ord"):
        found = given.plain(name)
        if found is not None:
            return found if isinstance(found, str) else float(found)
    return 2.0


def vector_norm(
    x: Array, order: float, axes: tuple[int, ...], *, keepdims: bool
) -> Array:
    """Return the norm of the elements along `axes`, as of one vector."""
    size = np.abs(x)
    if order == inf:
        return np.asarray(size.max(axis=axes, keepdims=keepdims))
    if order == -inf:
        return np.asarray(size.min(axis=axes, keepdims=keepdims))
    if order == 0:
        return np.asarray((size != 0).sum(axis=axes, keepdims=keepdims) * 1.0)
    if order == 2:  # noqa: PLR2004 - the usual one, without rounding a power
        return np.asarray(np.sqrt((size**2).sum(axis=axes, keepdims=keepdims)))
    return np.asarray((size**order).sum(axis=axes, keepdims=keepdims) ** (1 / order))


def _norm(given: Given) -> Array:
    found, order = given.array("input"), _order(given)
    axes = axes_of(given, found.ndim)
    if order == "fro":
        order = 2.0
    is_matrix = given.op.name == "linalg_norm" and "ord" in given.bound
    if isinstance(order, str) or (is_matrix and len(axes) > 1):
        raise given.refuse(f"there is no formula for the matrix norm {order!r}")
    return vector_norm(found, order, axes, keepdims=given.flag("keepdim"))


def _norm_piece(given: Given) -> Array:
    """The pieces of |x|: for order 2 only whether all of x is 0."""
    found, order = given.array("input"), _order(given)
    axes = axes_of(given, found.ndim)
    if order == 1:
        return np.asarray(np.sign(found.real))
    if order in {inf, -inf}:
        size = np.abs(found)
        ends = size.max(axis=axes, keepdims=True)
        return np.asarray((size == ends) * np.sign(found.real))
    return np.asarray((found == 0).all(axis=axes))


def _log_sum_exp(given: Given) -> Array:
    found = given.array("input")
    if found.ndim == 0:
        return found
    axes = axes_of(given, found.ndim)
    return log_sum_exp(found, axes, keepdims=given.flag("keepdim"))


def _running(function: Callable[..., Any]) -> Formula:
    def compute(given: Given) -> Array:
        found = given.array("input")
        if found.ndim == 0:
            return found
        return np.asarray(function(found, axis=given.whole("dim", 0)))

    return Formula("input dim:", compute)


def _count(given: Given) -> Array:
    return reduced(given, np.count_nonzero, given.array("input"))


_NORM: Final = Formula("input p: dim: keepdim:", _norm, _norm_piece, "has a kink at 0")
_SPREAD: Final = "input dim: unbiased: keepdim:"
_ARGUMENTS: Final = "input dim: keepdim:"


REDUCTIONS: Final[Table] = {
    "sum": _reduction(np.sum),
    "nansum": _reduction(np.nansum),
    "mean": _reduction(np.mean),
    "nanmean": _reduction(np.nanmean),
    "prod": Formula(_ARGUMENTS, _product),
    "var": Formula(_SPREAD, _variance),
    "std": Formula(_SPREAD, lambda given: np.sqrt(_variance(given))),
    "var_mean": Formula(_SPREAD, lambda given: (_variance(given), _mean(given))),
    "std_mean": Formula(
        _SPREAD, lambda given: (np.sqrt(_variance(given)), _mean(given))
    ),
    "norm": _NORM,
    "linalg_norm": Formula("input ord: dim: keepdim:", _norm, _norm_piece, _NORM.kink),
    "linalg_vector_norm": Formula(
        "input ord: dim: keepdim:", _norm, _norm_piece, _NORM.kink
    ),
    "logsumexp": Formula(_ARGUMENTS, _log_sum_exp),
    "cumsum": _running(np.cumsum),
    "cumprod": _running(np.cumprod),
    "logcumsumexp": _running(np.logaddexp.accumulate),
    "all": _reduction(np.all),
    "any": _reduction(np.any),
    "count_nonzero": Formula("input dim:", _count),
}
