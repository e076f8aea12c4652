"""Formulas of normalisation layers."""

from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.formulas.reductions import vector_norm
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_EPS: Final = 1e-5
_CHANNELS: Final = 2


def _standardized(given: Given, x: Array, axes: tuple[int, ...]) -> Array:
    """Subtract the mean and divide by the population standard deviation.

    Three terms of the derivative cancel where few elements are standardized; torch
    rounds each of them.
    """
    own, mean = given.rounded("own", x), given.rounded("mean", x)
    centred = own - mean.mean(axis=axes, keepdims=True)
    power = given.rounded("power", x - x.mean(axis=axes, keepdims=True)) ** 2
    variance = power.mean(axis=axes, keepdims=True) + given.number("eps", _EPS)
    return np.asarray(centred / np.sqrt(variance))


def _scaled(given: Given, x: Array, shape: tuple[int, ...] | None = None) -> Array:
    """Apply the learned scale and shift, brought to `shape` first."""
    for name in ("weight", "bias"):
        found = given.optional(name)
        if found is not None:
            found = found if shape is None else found.reshape(shape)
            x = x * found if name == "weight" else x + found
    return np.asarray(x)


def _by_channel(x: Array) -> tuple[int, ...]:
    """Return the shape that a vector of channels broadcasts with."""
    return (-1, *[1] * (x.ndim - _CHANNELS))


def _layer_norm(given: Given) -> Array:
    found = given.array("input")
    count = len(given.wholes("normalized_shape") or ())
    axes = tuple(range(found.ndim - count, found.ndim))
    return _scaled(given, _standardized(given, found, axes))


def _rms_norm(given: Given) -> Array:
    found = given.array("input")
    count = len(given.wholes("normalized_shape") or ())
    axes = tuple(range(found.ndim - count, found.ndim))
    default = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
    eps = given.number("eps", default.get(given.results[0].dtype, 2.0**-52))
    power = (given.rounded("power", found) ** 2).mean(axis=axes, keepdims=True)
    return _scaled(given, found / np.sqrt(power + eps))


def _group_norm(given: Given) -> Array:
    found, groups = given.array("input"), given.whole("num_groups", 1)
    parts = found.reshape(found.shape[0], groups, -1)
    parts = _standardized(given, parts, (2,))
    return _scaled(given, parts.reshape(found.shape), _by_channel(found))


def _batch_norm(given: Given) -> Array:
    found, eps = given.array("input"), given.number("eps", _EPS)
    shape = _by_channel(found)
    if given.flag("training"):
        axes = tuple(axis for axis in range(found.ndim) if axis != 1)
        return _scaled(given, _standardized(given, found, axes), shape)
    mean = given.array("running_mean").reshape(shape)
    variance = given.array("running_var").reshape(shape)
    return _scaled(given, (found - mean) / np.sqrt(variance + eps), shape)


def _instance_norm(given: Given) -> Array:
    found, eps = given.array("input"), given.number("eps", _EPS)
    shape = _by_channel(found)
    if not given.flag("use_input_stats", default=True):
        mean = given.array("running_mean").reshape(shape)
        variance = given.array("running_var").reshape(shape)
        return _scaled(given, (found - mean) / np.sqrt(variance + eps), shape)
    axes = tuple(range(_CHANNELS, found.ndim))
    return _scaled(given, _standardized(given, found, axes), shape)


def _weight_norm(given: Given) -> Array:
    """Give the slices along an axis their own learned lengths."""
    direction, axis = given.array("v"), given.whole("dim", 0)
    kept = () if axis == -1 else (axis,)
    axes = tuple(a for a in range(direction.ndim) if a not in kept)
    size = vector_norm(given.rounded("size", direction), 2.0, axes, keepdims=True)
    return np.asarray(direction * (given.array("g") / size))


_STATISTICS: Final = "input running_mean running_var weight bias"

NORMALISATION: Final[Table] = {
    "layer_norm": Formula("input normalized_shape: weight bias eps:", _layer_norm),
    "_weight_norm": Formula("v g dim:", _weight_norm),
    "rms_norm": Formula("input normalized_shape: weight eps:", _rms_norm),
    "group_norm": Formula("input num_groups: weight bias eps:", _group_norm),
    "batch_norm": Formula(f"{_STATISTICS} training: momentum: eps:", _batch_norm),
    "instance_norm": Formula(
        f"{_STATISTICS} use_input_stats: momentum: eps:", _instance_norm
    ),
}
