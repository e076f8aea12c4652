"""Formulas of operators that take elements by index, and of those that write them."""

from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.formulas.indices import index_of, split_index
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array


def _get(given: Given) -> Array:
    found = given.array("input")
    index = split_index(given, index_of(given), found.ndim)
    part = index.view(found)
    return np.asarray(part[index.arrays] if index.has_arrays else part)


def _set(given: Given) -> Array:
    found = given.array("input").copy()
    value = given.array("value")
    if np.iscomplexobj(value) and not np.iscomplexobj(found):
        raise given.refuse("a complex number cannot be written there")
    index = split_index(given, index_of(given), found.ndim)
    part = index.view(found)
    place = index.arrays if index.has_arrays else ...
    wanted = np.ndim(part[place])
    while value.ndim > wanted and value.shape[0] == 1:
        value = value[0]
    part[place] = value
    return found


def _select(given: Given) -> Array:
    found: Array = np.take(
        given.array("input"), given.whole("index", 0), axis=given.whole("dim", 0)
    )
    return found


def _narrow(given: Given) -> Array:
    found, axis = given.array("input"), given.whole("dim", 0)
    start, length = given.whole("start", 0), given.whole("length", 1)
    start %= found.shape[axis]
    return np.moveaxis(np.moveaxis(found, axis, 0)[start : start + length], 0, axis)


def _index_select(given: Given) -> Array:
    index = np.atleast_1d(given.array("index"))
    return np.take(given.array("input"), index, axis=given.whole("dim", 0))


def _places(index: Array, axis: int) -> tuple[Array, ...]:
    """Return full indices, of which the one of `axis` is `index` itself."""
    places: list[Array] = list(np.asarray(np.indices(index.shape)))
    places[axis] = index
    return tuple(places)


def _gather(given: Given) -> Array:
    found, index = given.array("input"), given.array("index")
    if found.ndim == 0 or index.ndim == 0:
        return np.asarray(found.reshape(-1)[index])
    return np.asarray(found[_places(index, given.whole("dim", 0))])


def _take_along(given: Given) -> Array:
    found, index, axis = (
        given.array("input"),
        given.array("indices"),
        given.plain("dim"),
    )
    if axis is None:
        return np.asarray(found.ravel()[index.ravel()])
    return np.take_along_axis(found, index, int(axis))


def _scattered(given: Given) -> tuple[Array, tuple[Array, ...], Array]:
    found, index = given.array("input").copy(), given.array("index")
    source = given.array("src" if "src" in given.bound else "value")
    if given.plain("reduce") is not None:
        raise given.refuse("there is no formula for scattering with a reduction")
    if source.ndim:
        source = source[tuple(slice(0, length) for length in index.shape)]
    return found, _places(index, given.whole("dim", 0)), source


def _scatter(given: Given) -> Array:
    found, places, source = _scattered(given)
    found[places] = source
    return found


def _scatter_add(given: Given) -> Array:
    found, places, source = _scattered(given)
    np.add.at(found, places, source)
    return found


def _indexed(given: Given, name: str) -> tuple[Array, Array, Array]:
    """Return a copy with the indexed axis first, the index, and what goes there."""
    axis = given.whole("dim", 0)
    found = np.moveaxis(given.array("input").copy(), axis, 0)
    source = given.array(name)
    source = np.moveaxis(source, axis, 0) if source.ndim else source
    return found, given.array("index"), source


def _index_add(given: Given) -> Array:
    found, index, source = _indexed(given, "source")
    np.add.at(found, index, given.number("alpha", 1.0) * source)
    return np.moveaxis(found, 0, given.whole("dim", 0))


def _index_copy(given: Given) -> Array:
    found, index, source = _indexed(given, "source")
    found[index] = source
    return np.moveaxis(found, 0, given.whole("dim", 0))


def _index_fill(given: Given) -> Array:
    found, index, value = _indexed(given, "value")
    found[index] = value
    return np.moveaxis(found, 0, given.whole("dim", 0))


def _embedding(given: Given) -> Array:
    """Look up rows. Autograd deliberately leaves out the gradient of a padding row."""
    index, weight = given.array("input"), given.array("weight")
    padding = given.plain("padding_idx")
    if padding is not None and (index == int(padding) % weight.shape[0]).any():
        raise given.refuse("it takes its padding row, which gets no gradient")
    if given.plain("max_norm") is not None or given.flag("scale_grad_by_freq"):
        raise given.refuse("there is no formula for a table that is scaled")
    return np.asarray(weight[index])


def _one_hot(given: Given) -> Array:
    classes = given.shape[-1]
    return np.asarray(given.array("input")[..., None] == np.arange(classes)).astype(int)


def _diagonal(given: Given) -> Array:
    return np.diagonal(
        given.array("input"),
        given.whole("offset", 0),
        given.whole("dim1", 0),
        given.whole("dim2", 1),
    )


def _diag(given: Given) -> Array:
    return np.diag(given.array("input"), given.whole("diagonal", 0))


_SCATTER: Final = "input dim: index src value~"
_DIAGONAL: Final = "input diagonal:"

INDEXING_VIEWS: Final[Table] = {
    "getitem": Formula("input index~", _get),
    "select": Formula("input dim: index:", _select),
    "narrow": Formula("input dim: start: length:", _narrow),
    "diagonal": Formula("input offset: dim1: dim2:", _diagonal),
}
"""Whose results share the memory of their input, unless an array is the index."""

INDEXING: Final[Table] = {
    **INDEXING_VIEWS,
    "setitem": Formula("input index~ value~", _set),
    "index_select": Formula("input dim: index", _index_select),
    "gather": Formula("input dim: index", _gather),
    "take": Formula(
        "input index",
        lambda given: np.asarray(given.array("input").ravel()[given.array("index")]),
    ),
    "take_along_dim": Formula("input indices dim:", _take_along),
    "masked_select": Formula(
        "input mask",
        lambda given: np.asarray(given.array("input")[given.array("mask")]),
        lambda given: given.array("mask"),
        "chooses others",
    ),
    "scatter": Formula(_SCATTER, _scatter),
    "scatter_add": Formula(_SCATTER, _scatter_add),
    "index_add": Formula("input dim: index source alpha:", _index_add),
    "index_copy": Formula("input dim: index source", _index_copy),
    "index_fill": Formula("input dim: index value~", _index_fill),
    "embedding": Formula("input weight padding_idx:", _embedding),
    "one_hot": Formula("input num_classes:", _one_hot),
    "tril": Formula(
        _DIAGONAL,
        lambda given: np.tril(given.array("input"), given.whole("diagonal", 0)),
    ),
    "triu": Formula(
        _DIAGONAL,
        lambda given: np.triu(given.array("input"), given.whole("diagonal", 0)),
    ),
    "diag": Formula(_DIAGONAL, _diag),
    "trace": Formula("input", lambda given: np.trace(given.array("input"))),
}
