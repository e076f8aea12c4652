"""Formulas of convolutions."""

from itertools import product
from typing import Any, Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.formulas.windows import (
    each_axis,
    padded,
    windows_of,
    with_batch,
)
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array


def _convolve(rank: int) -> Formula:
    def compute(given: Given) -> Array:
        x, is_single = with_batch(given.array("input"), rank)
        weight, groups = given.array("weight"), given.whole("groups", 1)
        widths = weight.shape[2:]
        strides, dilations = (
            each_axis(given, name, 1, rank) for name in ("stride", "dilation")
        )
        x = padded(given, x, _widths(given, widths, dilations))
        windows = windows_of(x, widths, strides, dilations)
        given.require_size([*windows.shape])
        outs = [
            _one_group(part, kernel, rank)
            for part, kernel in zip(
                np.split(windows, groups, 1), np.split(weight, groups, 0), strict=True
            )
        ]
        found = np.concatenate(outs, axis=1)
        bias = given.optional("bias")
        if bias is not None:
            found = found + bias.reshape(-1, *[1] * rank)
        return np.asarray(found[0] if is_single else found)

    return Formula("input weight bias stride: padding: dilation: groups:", compute)


def _one_group(windows: Array, kernel: Array, rank: int) -> Array:
    """Return `[batch, out, *places]`."""
    inside = tuple(range(2 + rank, 2 + 2 * rank))
    axes = ((1, *inside), tuple(range(1, 2 + rank)))
    return np.moveaxis(np.tensordot(windows, kernel, axes=axes), -1, 1)


def _widths(
    given: Given, widths: tuple[int, ...], dilations: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Return the padding before and after each axis."""
    padding = given.plain("padding", 0)
    if padding == "valid":
        return [(0, 0)] * len(widths)
    if padding == "same":
        totals = [d * (w - 1) for d, w in zip(dilations, widths, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(p, p) for p in each_axis(given, "padding", 0, len(widths))]


def _transposed(rank: int) -> Formula:
    def compute(given: Given) -> Array:
        x, is_single = with_batch(given.array("input"), rank)
        weight, groups = given.array("weight"), given.whole("groups", 1)
        given.require_size([x.size, *weight.shape[1:]])
        shape = given.shape[1:] if is_single else given.shape[2:]
        parts = [
            _spread(given, part, kernel, shape)
            for part, kernel in zip(
                np.split(x, groups, 1), np.split(weight, groups, 0), strict=True
            )
        ]
        found = np.concatenate(parts, axis=1)
        bias = given.optional("bias")
        if bias is not None:
            found = found + bias.reshape(-1, *[1] * rank)
        return np.asarray(found[0] if is_single else found)

    return Formula(
        "input weight bias stride: padding: output_padding: groups: dilation:", compute
    )


def _spread(given: Given, x: Array, kernel: Array, shape: tuple[int, ...]) -> Array:
    """Add the kernel, times each element, around the place that the element goes to."""
    rank = len(shape)
    strides = each_axis(given, "stride", 1, rank)
    dilations = each_axis(given, "dilation", 1, rank)
    padding = each_axis(given, "padding", 0, rank)
    spread = np.tensordot(x, kernel, axes=((1,), (0,)))
    full = [n + 2 * p for n, p in zip(shape, padding, strict=True)]
    found = np.zeros((x.shape[0], kernel.shape[1], *full), spread.dtype)
    for place in product(*(range(n) for n in x.shape[2:])):
        starts = [i * s for i, s in zip(place, strides, strict=True)]
        cut: list[Any] = [
            slice(a, a + d * (w - 1) + 1, d)
            for a, d, w in zip(starts, dilations, kernel.shape[2:], strict=True)
        ]
        here: tuple[Any, ...] = (slice(None), *place)
        found[(slice(None), slice(None), *cut)] += spread[here]
    inner = [slice(p, p + n) for p, n in zip(padding, shape, strict=True)]
    return np.asarray(found[(slice(None), slice(None), *inner)])


CONVOLUTION: Final[Table] = {
    **{f"conv{rank}d": _convolve(rank) for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": _transposed(rank) for rank in (1, 2, 3)},
}
