"""NaN in the data itself, before anything is computed: a header line read as numbers.

The reading is done in NumPy, so the first tensor is the first thing that is seen.
"""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import (
    UNWRITTEN,
    Check,
    Facts,
    is_arranging,
    plain_name,
)
from graphscope.analysis.evidence.reading import (
    arrived_at_leaf,
    count_nans,
    data_of,
)
from graphscope.analysis.evidence.wording import (
    code_of,
    count,
    listing,
    name_and_place,
    name_value,
    site_of,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind, ValueKind
from graphscope.model.observation import Array
from graphscope.model.packed import PackedNumbers
from graphscope.model.trace import Trace

_INEXACT: Final = ("float", "bfloat", "complex")
_GIVEN: Final = frozenset({ValueKind.INPUT, ValueKind.BUFFER})


def find_nan_traps(facts: Facts) -> Iterator[Check]:
    """Yield one check of all data that a loss or root is computed from."""
    graph = facts.graph
    ends = graph.roots or tuple(o.output for o in facts.losses if o.output is not None)
    given = [
        value.id
        for value in graph.values
        if value.kind in _GIVEN
        and (value.op is None or _is_data(graph.ops[value.op]))
        and value.dtype.startswith(_INEXACT)
    ]
    if given and ends:
        yield partial(_judge, facts, tuple(given), ends)


def _is_data(op: Op) -> bool:
    """Whether an op made data; memory that nobody has written to is none."""
    return op.kind is OpKind.CREATE and plain_name(op) not in UNWRITTEN


def _judge(
    facts: Facts, given: tuple[int, ...], ends: tuple[int, ...], trace: Trace
) -> Finding | None:
    seen = trace.observations
    if isinstance(seen, PackedNumbers) and seen.is_finite:
        return None
    bad = [value for value in given if count_nans(trace.value_of(value))]
    if not bad:
        return None
    reached = {value: _spread(facts, trace, value) for value in bad}
    spreading = [value for value in bad if not reached[value].isdisjoint(ends)]
    if not spreading:
        return None  # it was dealt with on the way, as with a mask
    shown = list(dict.fromkeys(_as_named(facts, trace, v) for v in spreading))
    main = shown[0]
    hit = [end for end in ends if any(end in reached[v] for v in spreading)]
    return Finding(
        kind="nan-input",
        title="NaN in the data, before anything is computed",
        explanation=(
            f"{_describe(trace, shown)} From there it spreads: {_effects(trace, hit)}."
        ),
        remedy=_remedy(trace, shown),
        step=trace.step,
        site=site_of(trace, main),
        values=tuple(dict.fromkeys([*shown, *spreading, *hit])),
    )


def _spread(facts: Facts, trace: Trace, start: int) -> set[int]:
    """Return every value that a NaN of `start` has reached."""
    waiting, seen = [start], {start}
    while waiting:
        for reader in facts.graph.consumers.get(waiting.pop(), ()):
            for value in facts.graph.ops[reader].outputs:
                if value not in seen and count_nans(trace.value_of(value)):
                    seen.add(value)
                    waiting.append(value)
    return seen


def _as_named(facts: Facts, trace: Trace, value: int) -> int:
    """Follow data without a name to the name it gets, as in `torch.tensor(d).float()`.

    Only while nothing but its arrangement changes and no NaN gets lost.
    """
    nans = count_nans(trace.value_of(value))
    while facts.graph.values[value].name is None:
        readers = facts.graph.consumers.get(value, ())
        if len(readers) != 1 or not is_arranging(facts.graph.ops[readers[0]]):
            break
        (following, *_) = facts.graph.ops[readers[0]].outputs
        if count_nans(trace.value_of(following)) != nans:
            break
        value = following
    return value


def bad_rows(data: Array) -> list[int]:
    """Return the rows that hold a NaN; of one axis the places.

    >>> import numpy as np
    >>> bad_rows(np.array([[np.nan, np.nan], [1.0, 2.0], [np.nan, 3.0]]))
    [0, 2]
    """
    flat = data.reshape(len(data), -1) if data.ndim else data.reshape(1, 1)
    return [int(row) for row in np.flatnonzero(np.isnan(flat).any(axis=1))]


def _is_header(trace: Trace, value: int) -> bool:
    """Whether the first row is NaN in every column, and no other row in any."""
    data = data_of(trace, value)
    if data is None or not data.ndim or len(data) < 2:  # noqa: PLR2004 - a header and data
        return False
    return bad_rows(data) == [0] and bool(np.isnan(data[0]).all())


def _may_be_header(trace: Trace, value: int) -> bool:
    """Whether there are as many NaNs as one row has numbers; all that is known."""
    shape = trace.graph.values[value].shape
    is_whole = data_of(trace, value) is not None
    nans = count_nans(trace.value_of(value))
    return not is_whole and len(shape) > 1 and nans == prod(shape[1:])


def _describe(trace: Trace, shown: list[int]) -> str:
    """Say where in the data the NaNs are."""
    if not all(_is_header(trace, value) for value in shown):
        return " ".join(_describe_one(trace, value) for value in shown)
    places = listing([name_and_place(trace, value) for value in shown])
    return (
        f"Row 0 of {places} is NaN in every column, and no other number is NaN. That "
        "is what a header line becomes when it is read as numbers."
    )


def _describe_one(trace: Trace, value: int) -> str:
    name, data = name_and_place(trace, value), data_of(trace, value)
    nans = count_nans(trace.value_of(value))
    size = prod(trace.graph.values[value].shape)
    text = f"In {name} {nans:,} of {count(size, 'number')} are NaN"
    if data is None or data.ndim == 0:
        return f"{text}{', as many as a row has' * _may_be_header(trace, value)}."
    rows = [str(row) for row in bad_rows(data)]
    noun = "row" if data.ndim > 1 else "place"
    return f"{text}, in {noun}{'s' * (len(rows) > 1)} {listing(rows)}."


def _effects(trace: Trace, hit: list[int]) -> str:
    """Say which results and which gradients are NaN."""
    ends = [name_value(trace, end) for end in hit]
    text = f"{listing(ends)} {'is' if len(ends) == 1 else 'are'} NaN"
    leaves = [
        f"`{value.name}`"
        for value in trace.graph.values
        if value.name and any(map(count_nans, arrived_at_leaf(trace, value)))
    ]
    if not leaves:
        return text
    noun = "is the gradient" if len(leaves) == 1 else "are the gradients"
    return f"{text}, and so {noun} of {listing(leaves)}"


def _remedy(trace: Trace, shown: list[int]) -> str:
    skip = "`numpy.genfromtxt(…, skip_header=1)`"
    if all(_is_header(trace, value) for value in shown):
        return f"Skip the header line when the file is read: {skip}."
    if all(_is_header(trace, v) or _may_be_header(trace, v) for v in shown):
        return f"If the file begins with a header line, skip it: {skip}."
    code = code_of(trace, shown[0])
    rows = len(trace.graph.values[shown[0]].shape)
    if code is None or rows > 2:  # noqa: PLR2004 - rows and columns
        return "Leave these samples out, or fill the gaps, before training."
    test = "" if rows < 2 else ".any(dim=1)"  # noqa: PLR2004 - rows and columns
    return (
        "Leave these samples out, or fill the gaps, before training: "
        f"`{code}[~{code}.isnan(){test}]` are the others."
    )
