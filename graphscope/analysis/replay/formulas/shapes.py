"""Formulas of operators that only move elements: views, joins, splits, casts.

What an operator made of a shape was recorded, as the shape of its result: most need no
argument at all, and so also work where an argument was a variable.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Result, Table
from graphscope.analysis.replay.given import Given, Ref
from graphscope.model.observation import Array

_INTEGERS: Final = ("int", "uint")


def _same(given: Given) -> Array:
    return given.array("input")


def _reshape(given: Given) -> Array:
    return given.array("input").reshape(given.shape)


def _expand(given: Given) -> Array:
    return np.broadcast_to(given.array("input"), given.shape)


def _swap_last(given: Given) -> Array:
    found = given.array("input")
    return found if found.ndim < 2 else np.swapaxes(found, -1, -2)  # noqa: PLR2004


def _reverse_axes(given: Given) -> Array:
    return given.array("input").T


def _swap(given: Given) -> Array:
    found = given.array("input")
    axes = [given.whole(_first_of(given, *names), 0) for names in _SWAPPED]
    return found if found.ndim == 0 else np.swapaxes(found, *axes)


_SWAPPED: Final = (("dim0", "axis0"), ("dim1", "axis1"))


def _first_of(given: Given, *names: str) -> str:
    return next((name for name in names if name in given.bound), names[0])


def _permute(given: Given) -> Array:
    return np.transpose(given.array("input"), given.wholes("dims"))


def _move(given: Given) -> Array:
    source, target = given.wholes("source"), given.wholes("destination")
    if source is None or target is None:
        raise given.refuse("its axes were not recorded")
    return np.moveaxis(given.array("input"), source, target)


def _repeat(given: Given) -> Array:
    """Tile; every axis as often as its length fits into that of the result."""
    found = given.array("input")
    shape = (1,) * (len(given.shape) - found.ndim) + found.shape
    times = [
        long // short if short else 0
        for long, short in zip(given.shape, shape, strict=True)
    ]
    given.require_size([n * size for n, size in zip(times, shape, strict=True)])
    return np.tile(found, times)


def _repeat_each(given: Given) -> Array:
    """Repeat elements; a plain number of times follows from the lengths."""
    found, axis = given.array("input"), given.plain("dim")
    found, along = (found.ravel(), 0) if axis is None else (found, int(axis))
    if isinstance(given.bound.get("repeats"), Ref):
        times = given.array("repeats")
    else:
        times = np.asarray(given.shape[along] // max(found.shape[along], 1))
    given.require_size([int(times.sum()), found.size])
    return np.repeat(found, times, axis=along)


def _axis_of_joined(given: Given) -> int:
    return given.whole("dim", 0)


def _join(given: Given) -> Array:
    parts = given.arrays("tensors")
    filled = [p for p in parts if p.shape != (0,)] or parts
    return np.concatenate(filled, axis=_axis_of_joined(given))


def _stack(given: Given) -> Array:
    return np.stack(given.arrays("tensors"), axis=_axis_of_joined(given))


def _stacked(function: Callable[..., Array]) -> Formula:
    return Formula("*tensors", lambda given: function(given.arrays("tensors")))


def _split(given: Given) -> Result:
    """Cut along an axis into pieces of the recorded lengths."""
    found = given.array("input")
    axis = given.whole("dim", 0)
    lengths = [value.shape[axis] for value in given.results]
    ends = np.cumsum(lengths)[:-1]
    return tuple(np.split(found, ends, axis=axis))


def _split_axis(axis: int) -> Formula:
    def compute(given: Given) -> Result:
        found = given.array("input")
        along = min(axis, found.ndim - 1)
        lengths = [value.shape[along] for value in given.results]
        return tuple(np.split(found, np.cumsum(lengths)[:-1], axis=along))

    return Formula("input", compute)


def _unbind(given: Given) -> Result:
    found = np.moveaxis(given.array("input"), given.whole("dim", 0), 0)
    return tuple(found)


def _cast(given: Given) -> Array:
    """Change the dtype: what stays a float keeps all of its digits here."""
    found, dtype = given.array("input"), given.results[0].dtype
    if dtype.startswith(_INTEGERS):
        return found.real.astype(np.int64)
    if dtype == "bool":
        return np.asarray(found != 0)
    if dtype.startswith("complex"):
        return found.astype(np.complex128)
    return found.real.astype(np.float64)


def _flip(given: Given) -> Array:
    axes = given.wholes("dims")
    return np.flip(given.array("input"), axes)


def _roll(given: Given) -> Array:
    axes, shifts = given.wholes("dims"), given.wholes("shifts")
    if shifts is None:
        raise given.refuse("its shifts were not recorded")
    return np.roll(given.array("input"), shifts if axes else shifts[0], axes)


_PADDING: Final = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
_PADDING_MODES: Final = {**_PADDING, "circular": "wrap"}


def _pad(given: Given) -> Array:
    found, widths = given.array("input"), given.wholes("pad") or ()
    mode = _PADDING_MODES.get(str(given.plain("mode", "constant")))
    if mode is None or min(widths, default=0) < 0:
        raise given.refuse("there is no formula for this kind of padding")
    pairs = [(0, 0)] * (found.ndim - len(widths) // 2)
    pairs += list(zip(widths[-2::-2], widths[-1::-2], strict=True))
    sizes = [n + a + b for n, (a, b) in zip(found.shape, pairs, strict=True)]
    given.require_size(sizes)
    if mode == "constant":
        return np.pad(found, pairs, constant_values=given.number("value", 0.0))
    return np.asarray(np.pad(found, pairs, mode=mode))  # type: ignore[call-overload]


def _windows(given: Given) -> Array:
    """Cut windows along one axis; what is inside of them becomes a new last axis."""
    found, axis = given.array("input"), given.whole("dimension", 0)
    width, step = given.whole("size", 1), given.whole("step", 1)
    windows = np.lib.stride_tricks.sliding_window_view(found, width, axis=axis)
    return np.moveaxis(np.moveaxis(windows, axis, 0)[::step], 0, axis)


def _broadcast_each(given: Given) -> Result:
    """The recording leaves out the tensors that had the shape already."""
    parts = given.arrays("tensors")
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    return tuple(np.broadcast_to(p, shape) for p in parts if p.shape != shape)


def _grid(given: Given) -> Result:
    indexing = str(given.plain("indexing", "ij"))
    parts = given.arrays("tensors")
    given.require_size([max(part.size, 1) for part in parts])
    if indexing == "xy":
        return tuple(np.meshgrid(*parts, indexing="xy"))
    return tuple(np.meshgrid(*parts, indexing="ij"))


_RESHAPE: Final = Formula("input *shape", _reshape)
_EXPAND: Final = Formula("input *sizes", _expand)
_SAME: Final = Formula("input *rest", _same)
_CAST: Final = Formula("input *rest", _cast)
_JOIN: Final = Formula("tensors dim:", _join)
_PARTS: Final = Formula("input parts: dim:", _split)

_RESHAPING: Final = (
    "view",
    "view_as",
    "reshape",
    "reshape_as",
    "flatten",
    "unflatten",
    "ravel",
    "squeeze",
    "unsqueeze",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
)
_CASTING: Final = (
    "to",
    "type_as",
    "float",
    "double",
    "half",
    "bfloat16",
    "int",
    "long",
    "short",
    "char",
    "byte",
    "bool",
    "cfloat",
    "cdouble",
    "tensor",
)

VIEWS: Final[Table] = {
    **dict.fromkeys(_RESHAPING, _RESHAPE),
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), _EXPAND),
    **dict.fromkeys(("t", "mT"), Formula("input", _swap_last)),
    "T": Formula("input", _reverse_axes),
    **dict.fromkeys(
        ("transpose", "swapaxes", "swapdims"), Formula("input dim0: dim1:", _swap)
    ),
    "permute": Formula("input *dims", _permute),
    **dict.fromkeys(
        ("movedim", "moveaxis"), Formula("input source: destination:", _move)
    ),
    **dict.fromkeys(("chunk", "split", "tensor_split", "split_with_sizes"), _PARTS),
    "vsplit": _split_axis(0),
    "hsplit": _split_axis(1),
    "dsplit": _split_axis(2),
    "unbind": Formula("input dim:", _unbind),
    "unfold": Formula("input dimension: size: step:", _windows),
    **dict.fromkeys(("detach", "data", "contiguous", "cpu", "cuda"), _SAME),
}
"""Whose results share the memory of their input, where torch can."""

SHAPES: Final[Table] = {
    **VIEWS,
    **dict.fromkeys(("clone", "nan_to_num"), _SAME),
    **dict.fromkeys(_CASTING, _CAST),
    "copy": Formula("input src~ non_blocking:", lambda given: given.array("src")),
    "fill": Formula("input value~", lambda given: given.array("value")),
    "zero": Formula("input", lambda _: np.zeros(())),
    **dict.fromkeys(("repeat", "tile"), Formula("input *sizes", _repeat)),
    "repeat_interleave": Formula("input repeats~ dim:", _repeat_each),
    **dict.fromkeys(("cat", "concat", "concatenate"), _JOIN),
    "stack": Formula("tensors dim:", _stack),
    "hstack": _stacked(np.hstack),
    **dict.fromkeys(("vstack", "row_stack"), _stacked(np.vstack)),
    "dstack": _stacked(np.dstack),
    "column_stack": _stacked(np.column_stack),
    "flip": Formula("input *dims", _flip),
    "fliplr": Formula("input", lambda given: np.fliplr(given.array("input"))),
    "flipud": Formula("input", lambda given: np.flipud(given.array("input"))),
    "roll": Formula("input shifts: dims:", _roll),
    "pad": Formula("input pad: mode: value:", _pad),
    "broadcast_tensors": Formula("*tensors", _broadcast_each),
    "meshgrid": Formula("*tensors", _grid),
}
