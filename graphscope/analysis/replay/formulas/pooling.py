"""Formulas of pooling: the largest or the mean of each window."""

from collections.abc import Iterator
from itertools import product
from math import ceil, prod
from typing import Any, Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Result, Table
from graphscope.analysis.replay.formulas.windows import (
    each_axis,
    padded,
    windows_of,
    with_batch,
)
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_TIES: Final = "has a kink where the largest elements of a window are equal"


def _pool_windows(given: Given, rank: int, fill: float) -> tuple[Array, bool]:
    """Return the windows of a pooling, flat inside, and whether there is no batch."""
    x, is_single = with_batch(given.array("input"), rank)
    widths = each_axis(given, "kernel_size", 1, rank)
    strides = given.wholes("stride")
    strides = widths if not strides else strides * (rank // len(strides))
    dilations = each_axis(given, "dilation", 1, rank)
    padding = each_axis(given, "padding", 0, rank)
    shape = given.shape[1:] if is_single else given.shape[2:]
    pairs = [
        _reach(*axis)
        for axis in zip(
            x.shape[2:], shape, widths, strides, dilations, padding, strict=True
        )
    ]
    x = padded(given, x, pairs, fill)
    windows = windows_of(x, widths, strides, dilations)
    given.require_size([*windows.shape])
    cut = [slice(0, n) for n in shape]
    windows = windows[(slice(None), slice(None), *cut)]
    return windows.reshape(*windows.shape[: 2 + rank], prod(widths)), is_single


def _reach(
    length: int, places: int, width: int, stride: int, dilation: int, padding: int
) -> tuple[int, int]:
    """Return the padding of one axis so that the last recorded window fits in.

    With `ceil_mode` a window may reach past the end.
    """
    needed = (places - 1) * stride + dilation * (width - 1) + 1
    return padding, max(needed - length - padding, 0)


def _largest(rank: int) -> Formula:
    def compute(given: Given) -> Result:
        windows, is_single = _pool_windows(given, rank, -np.inf)
        found = windows.max(axis=-1)
        return np.asarray(found[0] if is_single else found)

    def branch(given: Given) -> Array:
        windows, _ = _pool_windows(given, rank, -np.inf)
        return np.asarray(windows == windows.max(axis=-1, keepdims=True))

    return Formula(
        "input kernel_size: stride: padding: dilation: ceil_mode:",
        compute,
        branch,
        _TIES,
    )


def _average(rank: int) -> Formula:
    def compute(given: Given) -> Array:
        windows, is_single = _pool_windows(given, rank, np.nan)
        is_there = ~np.isnan(windows)
        count = _divisors(given, windows.shape, is_there)
        found = np.where(is_there, windows, 0.0).sum(axis=-1) / count
        return np.asarray(found[0] if is_single else found)

    return Formula(
        "input kernel_size: stride: padding: ceil_mode: count_include_pad: "
        "divisor_override:",
        compute,
    )


def _divisors(given: Given, shape: tuple[int, ...], is_there: Array) -> Array:
    """Return what each window is divided by.

    With `count_include_pad` its width, without what `ceil_mode` adds past the end.
    """
    override = given.plain("divisor_override")
    if override is not None:
        return np.asarray(float(override))
    if not given.flag("count_include_pad", default=True):
        return np.asarray(is_there.sum(axis=-1))
    if given.flag("ceil_mode"):
        raise given.refuse("there is no formula for its ceil_mode")
    return np.asarray(float(shape[-1]))


def _adaptive(rank: int, *, is_max: bool) -> Formula:
    def compute(given: Given) -> Array:
        x = given.array("input")
        found: Array = np.empty(given.shape)
        for place, part in _adaptive_windows(x, given.shape, rank):
            axes = tuple(range(-rank, 0))
            here: tuple[Any, ...] = (..., *place)
            found[here] = part.max(axes) if is_max else part.mean(axes)
        return found

    def branch(given: Given) -> Array:
        x = given.array("input")
        flags = [
            (part == part.max(tuple(range(-rank, 0)), keepdims=True)).ravel()
            for _, part in _adaptive_windows(x, given.shape, rank)
        ]
        return np.concatenate(flags)

    if is_max:
        return Formula("input output_size:", compute, branch, _TIES)
    return Formula("input output_size:", compute)


def _adaptive_windows(
    x: Array, shape: tuple[int, ...], rank: int
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Yield each place and its window: from floor(i n / m) to ceil((i + 1) n / m)."""
    sizes = list(zip(x.shape[-rank:], shape[-rank:], strict=True))
    for place in product(*(range(m) for _, m in sizes)):
        cut: list[Any] = [
            slice(i * n // m, ceil((i + 1) * n / m))
            for i, (n, m) in zip(place, sizes, strict=True)
        ]
        yield place, x[(..., *cut)]


POOLING: Final[Table] = {
    **{f"max_pool{rank}d": _largest(rank) for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": _average(rank) for rank in (1, 2, 3)},
    **{
        f"adaptive_avg_pool{rank}d": _adaptive(rank, is_max=False) for rank in (1, 2, 3)
    },
    **{f"adaptive_max_pool{rank}d": _adaptive(rank, is_max=True) for rank in (1, 2, 3)},
}
