"""Functions that NumPy does not have and several families of formulas need."""

from math import erf, erfc, lgamma, sqrt
from typing import Final

import numpy as np

from graphscope.model.observation import Array

_ERF: Final = np.vectorize(erf, otypes=[np.float64])
_ERFC: Final = np.vectorize(erfc, otypes=[np.float64])
_LGAMMA: Final = np.vectorize(lgamma, otypes=[np.float64])


def error_function(x: Array) -> Array:
    """Return erf(x).

    >>> error_function(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.8427]
    """
    return np.asarray(_ERF(x))


def complementary_error_function(x: Array) -> Array:
    """Return 1 - erf(x), without cancellation for large x."""
    return np.asarray(_ERFC(x))


def log_gamma(x: Array) -> Array:
    """Return the logarithm of the gamma function."""
    return np.asarray(_LGAMMA(x))


def normal_cdf(x: Array) -> Array:
    """Return the distribution function of the standard normal distribution.

    >>> float(normal_cdf(np.array(0.0)))
    0.5
    """
    return np.asarray(complementary_error_function(-x / sqrt(2)) / 2)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(np.array([-1000.0, 0.0])).tolist()
    [0.0, 0.5]
    """
    if np.iscomplexobj(x):
        return np.asarray(1 / (1 + np.exp(-x)))
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + small), small / (1 + small)))


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), without overflow."""
    return np.asarray(np.logaddexp(0.0, x))


def log_softmax(x: Array, axis: int, rest: Array | None = None) -> Array:
    """Return the logarithm of the softmax along `axis`.

    Args:
        x: The scores.
        axis: The axis of the classes.
        rest: The scores that are summed over, when those are rounded on their own.
    """
    others = x if rest is None else rest
    return np.asarray(x - log_sum_exp(others, (axis,), keepdims=True))


def softmax(x: Array, axis: int, rest: Array | None = None) -> Array:
    """Return the softmax along `axis`; `rest` as for `log_softmax`."""
    return np.asarray(np.exp(log_softmax(x, axis, rest)))


def log_sum_exp(x: Array, axis: tuple[int, ...], *, keepdims: bool) -> Array:
    """Return log(sum(exp(x))) along axes, without overflow."""
    largest = x.max(axis=axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    total = np.exp(x - largest).sum(axis=axis, keepdims=True)
    found = np.log(total) + largest
    return np.asarray(found if keepdims else found.squeeze(axis))
