"""The index of `h[...]`: read from the recording, and from the line where it fails."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphscope.analysis.replay.given import Given, Ref
from graphscope.analysis.replay.literals import Unknown, read_index, read_subscript
from graphscope.model.observation import Array


@dataclass(frozen=True, slots=True)
class Index:
    """An index in two parts, as torch applies it: first what only makes a view.

    NumPy counts an integer beside an array as one of the arrays, torch does not.
    """

    basic: tuple[Any, ...]
    arrays: tuple[Any, ...]

    def view(self, found: Array) -> Array:
        """Return the part of `found` before the arrays choose from it."""
        part: Array = found[self.basic]
        return part

    @property
    def has_arrays(self) -> bool:
        """Whether the second part does anything."""
        return any(isinstance(item, np.ndarray) for item in self.arrays)


def split_index(given: Given, index: tuple[Any, ...], ndim: int) -> Index:
    """Return an index for a tensor of `ndim` axes in its two parts."""
    items = [np.asarray(i) if isinstance(i, list) else i for i in index]
    used = sum(_consumed(item) for item in items)
    if used > ndim:
        raise given.refuse("its index has too many parts")
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    basic: list[Any] = []
    arrays: list[Any] = []
    for item in items:
        if item is Ellipsis:
            basic += [slice(None)] * (ndim - used)
            arrays += [slice(None)] * (ndim - used)
        elif isinstance(item, np.ndarray):
            basic += [slice(None)] * _consumed(item)
            arrays.append(item)
        else:
            basic.append(item)
            if not isinstance(item, int):
                arrays.append(slice(None))
    return Index((*basic, Ellipsis), tuple(arrays))


def _consumed(item: Any) -> int:
    """Return how many axes an item of an index is about."""
    if item is None or item is Ellipsis:
        return 0
    if isinstance(item, np.ndarray) and item.dtype == bool:
        return item.ndim
    return 1


def index_of(given: Given) -> tuple[Any, ...]:
    """Return the index as a tuple of integers, slices, arrays, None and `...`."""
    found = given.bound.get("index")
    if isinstance(found, Unknown):
        found = read_index(found.text)
        if _has_unknown(found):
            found = _from_source(given)
    if isinstance(found, list) and any(isinstance(one, Ref) for one in found):
        return _with_source(given, found)
    if isinstance(found, tuple):
        return found
    if isinstance(found, list):
        return _tuple_or_list(given, found)
    return (given.array("index"),) if isinstance(found, Ref) else (found,)


def _has_unknown(found: object) -> bool:
    if isinstance(found, list | tuple):
        return any(_has_unknown(item) for item in found)
    return isinstance(found, Unknown)


def _from_source(given: Given) -> object:
    """Read the index in the user's own line, where the recording has only a part."""
    site = given.op.site
    found = read_subscript(site.expression) if site is not None else Unknown("")
    if _has_unknown(found):
        text = found.text if isinstance(found, Unknown) else ""
        raise given.refuse(
            f"the index {text} was not recorded".replace("  ", " ")
            if text and "[" not in text
            else "its index was not recorded"
        )
    return found


def _with_source(given: Given, found: list[Any]) -> tuple[Any, ...]:
    """Fill what is no tensor in an index from the user's line: `h[range(3), y]`."""
    site = given.op.site
    source = read_subscript(site.expression) if site is not None else Unknown("")
    written = source if isinstance(source, tuple) else ()
    items: list[Any] = []
    for position in range(max(len(found), len(written))):
        item = found[position] if position < len(found) else Unknown("")
        if isinstance(item, Ref):
            items.append(given.read(item.value))
            continue
        other = written[position] if position < len(written) else Unknown("")
        if isinstance(other, Unknown):
            raise given.refuse("a part of its index was not recorded")
        items.append(other)
    return tuple(items)


def _tuple_or_list(given: Given, found: list[Any]) -> tuple[Any, ...]:
    """`h[0, 1]` and `h[[0, 1]]` are recorded alike; the shapes tell them apart."""
    if _has_unknown(found):
        source = _from_source(given)
        return source if isinstance(source, tuple) else (source,)
    if given.op.name == "setitem" or not all(type(i) in {int, bool} for i in found):
        return tuple(found)
    before = given.array("input").shape
    return tuple(found) if given.shape == before[len(found) :] else (found,)
