"""Formulas of what depends on the order of elements: extremes, sorting, medians."""

from functools import partial
from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Result, Table
from graphscope.analysis.replay.formulas.reductions import axes_of, reduced
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_TIES: Final = "has a kink where its largest elements are equal"
_LOW_TIES: Final = "has a kink where its smallest elements are equal"
_EQUAL: Final = "has a kink where elements are equal"
_CHANGES: Final = "changes its result"
_ARGUMENTS: Final = "input dim: keepdim:"
_EITHER: Final = "input other dim: keepdim:"


def _is_largest(given: Given) -> Array:
    found = given.array("input")
    axes = axes_of(given, found.ndim)
    return np.asarray(found == found.max(axis=axes, keepdims=True))


def _is_smallest(given: Given) -> Array:
    found = given.array("input")
    axes = axes_of(given, found.ndim)
    return np.asarray(found == found.min(axis=axes, keepdims=True))


def _extreme(given: Given, *, is_max: bool) -> Result:
    """`max()` of all, `max(dim)` with indices, or `max(other)` of two tensors."""
    found = given.array("input")
    if "other" in given.bound:
        return (np.maximum if is_max else np.minimum)(found, given.array("other"))
    axis = given.plain("dim")
    if axis is None:
        return np.asarray(found.max() if is_max else found.min())
    keepdims = given.flag("keepdim")
    return _extreme_along(found, int(axis), keepdims=keepdims, is_max=is_max)


def _extreme_along(
    found: Array, axis: int, *, keepdims: bool, is_max: bool
) -> tuple[Array, Array]:
    if found.ndim == 0:
        return found, np.zeros((), np.int64)
    index = (found.argmax if is_max else found.argmin)(axis=axis, keepdims=True)
    value = np.take_along_axis(found, index, axis)
    if keepdims:
        return value, index
    return value.squeeze(axis), index.squeeze(axis)


def _extreme_piece(given: Given, *, is_max: bool) -> Array:
    if "other" in given.bound:
        return np.asarray(np.sign(given.array("input") - given.array("other")))
    return _is_largest(given) if is_max else _is_smallest(given)


def _position(given: Given, *, is_max: bool) -> Array:
    found, axis = given.array("input"), given.plain("dim")
    choose = np.argmax if is_max else np.argmin
    if axis is None or found.ndim == 0:
        return np.asarray(choose(found))
    keepdims = given.flag("keepdim")
    return np.asarray(choose(found, axis=int(axis), keepdims=keepdims))


def _lowest_and_highest(given: Given) -> Result:
    found = given.array("input")
    return reduced(given, np.min, found), reduced(given, np.max, found)


def _is_extreme(given: Given) -> Array:
    return np.stack([_is_smallest(given), _is_largest(given)])


def _running_extreme(given: Given, *, is_max: bool) -> Result:
    found, axis = given.array("input"), given.whole("dim", 0)
    best = (np.maximum if is_max else np.minimum).accumulate(found, axis=axis)
    positions = np.arange(found.shape[axis])
    shape = [1] * found.ndim
    shape[axis] = -1
    here = np.where(found == best, positions.reshape(shape), 0)
    return best, np.asarray(np.maximum.accumulate(here, axis=axis))


def _sorted(given: Given) -> Result:
    found = given.array("input")
    if found.ndim == 0:
        return found, np.zeros((), np.int64)
    axis = given.whole("dim", -1)
    order = _order_along(found, axis, descending=given.flag("descending"))
    return np.take_along_axis(found, order, axis), order


def _order_along(found: Array, axis: int, *, descending: bool) -> Array:
    """Return the indices that sort, equal elements in the order that they have."""
    key = -found if descending else found
    return np.asarray(np.argsort(key, axis=axis, kind="stable"))


def _sorting(given: Given) -> Array:
    return np.asarray(_sorted(given)[1])


def _top(given: Given) -> Result:
    found, count = given.array("input"), given.whole("k", 1)
    axis = given.whole("dim", -1)
    descending = given.flag("largest", default=True)
    order = _order_along(found, axis, descending=descending)
    order = np.take(order, np.arange(min(count, order.shape[axis])), axis)
    return np.take_along_axis(found, order, axis), order


def _middle(given: Given) -> Result:
    """Return the lower of the two middle elements, as torch does."""
    found, axis = given.array("input"), given.plain("dim")
    if axis is None:
        flat = np.sort(found.ravel())
        return np.asarray(flat[(flat.size - 1) // 2])
    order = _order_along(found, int(axis), descending=False)
    middle = np.take(order, [(order.shape[int(axis)] - 1) // 2], int(axis))
    value = np.take_along_axis(found, middle, int(axis))
    if given.flag("keepdim"):
        return value, middle
    return value.squeeze(int(axis)), middle.squeeze(int(axis))


def _ranking(given: Given) -> Array:
    found, axis = given.array("input"), given.plain("dim")
    if axis is None:
        return np.asarray(np.argsort(found.ravel(), kind="stable"))
    return _order_along(found, int(axis), descending=False)


def _running_piece(given: Given, *, is_max: bool) -> Array:
    return np.asarray(_running_extreme(given, is_max=is_max)[1])


def _all_extremes(given: Given, *, is_max: bool) -> Array:
    return reduced(given, np.max if is_max else np.min, given.array("input"))


def _running(*, is_max: bool) -> Formula:
    return Formula(
        "input dim:",
        partial(_running_extreme, is_max=is_max),
        partial(_running_piece, is_max=is_max),
        _EQUAL,
    )


ORDERING: Final[Table] = {
    "max": Formula(
        _EITHER,
        partial(_extreme, is_max=True),
        partial(_extreme_piece, is_max=True),
        _TIES,
    ),
    "min": Formula(
        _EITHER,
        partial(_extreme, is_max=False),
        partial(_extreme_piece, is_max=False),
        _LOW_TIES,
    ),
    "amax": Formula(
        _ARGUMENTS, partial(_all_extremes, is_max=True), _is_largest, _TIES
    ),
    "amin": Formula(
        _ARGUMENTS, partial(_all_extremes, is_max=False), _is_smallest, _LOW_TIES
    ),
    "aminmax": Formula(_ARGUMENTS, _lowest_and_highest, _is_extreme, _EQUAL),
    "argmax": Formula(
        _ARGUMENTS, partial(_position, is_max=True), _is_largest, _CHANGES
    ),
    "argmin": Formula(
        _ARGUMENTS, partial(_position, is_max=False), _is_smallest, _CHANGES
    ),
    "cummax": _running(is_max=True),
    "cummin": _running(is_max=False),
    "sort": Formula("input dim: descending:", _sorted, _sorting, _EQUAL),
    "argsort": Formula("input dim: descending:", _sorting, _sorting, _CHANGES),
    "topk": Formula("input k: dim: largest: sorted:", _top, _sorting, _EQUAL),
    "median": Formula(_ARGUMENTS, _middle, _ranking, _EQUAL),
}
