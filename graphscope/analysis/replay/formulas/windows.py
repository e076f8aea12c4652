"""Windows that slide over the spatial axes: what convolutions and poolings share."""

import numpy as np

from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array


def each_axis(given: Given, name: str, default: int, rank: int) -> tuple[int, ...]:
    """Return one whole number for each spatial axis."""
    found = given.wholes(name)
    if not found:
        return (default,) * rank
    return found * rank if len(found) == 1 else found


def with_batch(x: Array, rank: int) -> tuple[Array, bool]:
    """Add the axis of the batch where it is missing."""
    is_single = x.ndim == rank + 1
    return (x[None] if is_single else x), is_single


def padded(
    given: Given, x: Array, widths: list[tuple[int, int]], value: float = 0.0
) -> Array:
    """Return `x` with more elements at both ends of each spatial axis."""
    sizes = [n + a + b for n, (a, b) in zip(x.shape[2:], widths, strict=True)]
    given.require_size([*x.shape[:2], *sizes])
    return np.pad(x, [(0, 0), (0, 0), *widths], constant_values=value)


def windows_of(
    x: Array,
    widths: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Array:
    """Return `[batch, channel, *places, *inside]`: all windows, without a copy."""
    rank = len(widths)
    reach = tuple(d * (w - 1) + 1 for d, w in zip(dilations, widths, strict=True))
    axes = tuple(range(2, 2 + rank))
    found = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
    steps = [slice(None, None, s) for s in strides]
    inside = [slice(None, None, d) for d in dilations]
    return np.asarray(found[(slice(None), slice(None), *steps, *inside)])
