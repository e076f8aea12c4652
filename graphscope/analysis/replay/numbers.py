"""Recorded numbers, as wide as NumPy has them, and how finely they were rounded."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from graphscope.analysis.replay.refusal import RefusalError
from graphscope.model.graph import Value
from graphscope.model.numbers import format_type
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_SPACINGS: Final = {
    "float64": 2.0**-52,
    "complex128": 2.0**-52,
    "float32": 2.0**-23,
    "complex64": 2.0**-23,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
}
_COARSE: Final = 2.0**-2
"""The spacing of numbers next to 1 in the float8 formats."""


def widen(data: Array) -> Array:
    """Return numbers as float64, complex128, int64 or bool.

    >>> widen(np.ones(2, np.float32)).dtype.name, widen(np.ones(2, np.uint8)).dtype.name
    ('float64', 'int64')
    """
    match data.dtype.kind:
        case "f":
            return data.astype(np.float64)
        case "c":
            return data.astype(np.complex128)
        case "b":
            return data
        case _:
            return data.astype(np.int64)


def read_recorded(trace: Trace, value: int) -> Array:
    """Return the recorded numbers of a value.

    Raises:
        RefusalError: They were not kept whole.
    """
    seen = trace.value_of(value)
    record = trace.graph.values[value]
    if seen is not None and seen.data is not None and seen.data.shape == record.shape:
        return widen(seen.data)
    kind = format_type(record.dtype, record.shape)
    name = trace.title_of(value)
    if seen is not None and seen.summary is not None:
        raise RefusalError(
            f"of {name}, {kind}, only statistics were kept: record with a larger "
            "`whole`"
        )
    raise RefusalError(f"the numbers of {name}, {kind}, were not recorded")


def is_kept(trace: Trace, value: int) -> bool:
    """Whether the numbers of a value were kept whole."""
    seen = trace.value_of(value)
    return seen is not None and seen.data is not None


def spacing_of(values: Iterable[Value]) -> float:
    """Return the relative spacing of the coarsest of the floats among `values`."""
    found = [
        _SPACINGS.get(v.dtype, _COARSE)
        for v in values
        if v.dtype.startswith(("float", "bfloat", "complex"))
    ]
    return max(found, default=_SPACINGS["float64"])
