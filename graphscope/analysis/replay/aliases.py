"""Where the elements of a view lie in the tensor that it is a view of.

An in-place op changes every tensor that shares its memory. Which ones those are was
recorded; which of their elements, follows from the views that made them. A view is
applied to the positions of the elements instead of to their numbers.
"""

from dataclasses import dataclass

import numpy as np

from graphscope.analysis.replay.binding import bind_arguments, straighten_arguments
from graphscope.analysis.replay.formulas.table import (
    VIEW_NAMES,
    base_name,
    find_formula,
)
from graphscope.analysis.replay.given import MAX_SIZE, Given, Ref
from graphscope.analysis.replay.numbers import read_recorded
from graphscope.analysis.replay.refusal import RefusalError
from graphscope.model.graph import Op
from graphscope.model.observation import Array
from graphscope.model.trace import Trace


@dataclass(frozen=True, slots=True)
class Place:
    """The positions of a value's elements in the memory of the value `base`."""

    base: int
    positions: Array


def find_places(trace: Trace, until: int) -> dict[int, Place]:
    """Return the place of every value that ops before op `until` made or read."""
    places: dict[int, Place] = {}
    for op in trace.graph.ops[: until + 1]:
        for value in op.inputs:
            _own_place(trace, value, places)
        _place_results(trace, op, places)
    return places


def _own_place(trace: Trace, value: int, places: dict[int, Place]) -> None:
    shape = trace.graph.values[value].shape
    size = int(np.prod(shape, dtype=np.float64))
    if value not in places and size <= MAX_SIZE:
        places[value] = Place(value, np.arange(size).reshape(shape))


def _place_results(trace: Trace, op: Op, places: dict[int, Place]) -> None:
    values = trace.graph.values
    fresh: list[int] = []
    for output in op.outputs:
        previous = values[output].previous
        if previous in places and values[previous].shape == values[output].shape:
            places[output] = places[previous]
        else:
            fresh.append(output)
    if fresh and base_name(op) in VIEW_NAMES:
        _place_views(trace, op, fresh, places)


def _place_views(
    trace: Trace, op: Op, fresh: list[int], places: dict[int, Place]
) -> None:
    formula = find_formula(op)
    if formula is None:
        return
    values = trace.graph.values
    bound = bind_arguments(straighten_arguments(op, values), formula.signature)
    source = bound.get("input")
    base = places.get(source.value) if isinstance(source, Ref) else None
    if base is None or not isinstance(source, Ref):
        return

    def read(value: int) -> Array:
        is_source = value == source.value
        return base.positions if is_source else read_recorded(trace, value)

    given = Given(op, bound, read, tuple(values[v] for v in fresh))
    try:
        found = formula.compute(given)
    except (RefusalError, ArithmeticError, LookupError, TypeError, ValueError):
        return  # a write through it will be refused, if there is one
    parts = found if isinstance(found, tuple) else (found,)
    for output, part in zip(fresh, parts, strict=False):
        if part.shape == values[output].shape and part.dtype.kind == "i":
            places[output] = Place(base.base, part)


def write_through(
    places: dict[int, Place], written: tuple[int, Array], other: tuple[int, Array]
) -> Array | None:
    """Return what `other` holds after `written` has got new numbers.

    Both are pairs of a value and numbers: those that were written, and those from
    before. None when it is not known how they share memory.
    """
    source, target = places.get(written[0]), places.get(other[0])
    if source is None or target is None or source.base != target.base:
        return None
    size = 1 + max(int(p.positions.max(initial=0)) for p in (source, target))
    numbers = np.zeros(size, np.result_type(written[1], other[1]))
    is_written = np.zeros(size, bool)
    numbers[source.positions] = written[1]
    is_written[source.positions] = True
    changed = is_written[target.positions]
    return np.asarray(np.where(changed, numbers[target.positions], other[1]))
