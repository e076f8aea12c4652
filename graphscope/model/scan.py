"""Which slots of a step hold a NaN or an Inf: asked of the bytes, all at once.

Separate from the numbers, because nearly every step is asked and nearly none has one:
an object for each tensor would cost more than the rest of the question.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
import numpy.typing as npt

DType = np.dtype[Any]
Places = npt.NDArray[np.int64]

_WHOLE: Final = 2
_STATS: Final = 3
_INEXACT: Final = "fc"  # kinds of NumPy dtypes that know NaN and Inf
_COUNT: Final = np.dtype("<i8")
_COUNTS_AT: Final = 56
"""Where `nans` and `infs`, the last of the statistics, begin."""
_MOST_GATHERED: Final = 4096
"""Elements of a slot; more side by side are looked at in place."""
_KEPT_PLANS: Final = 8


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Numbers of one dtype: where they lie, and of which slot each is.

    `rest` is the offset of the first below its size: no dtype need be aligned.
    """

    dtype: DType
    rest: int
    places: Places
    slots: Places


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the bytes of the steps with one arrangement can hold a NaN or an Inf."""

    offsets: Places
    statuses: bytes
    gathered: tuple[_Gathered, ...]
    runs: tuple[tuple[DType, int, int, int], ...]


class NumberScan:
    """Looks for NaN and Inf in the bytes of the steps of one graph.

    Args:
        shapes: Of each slot.
        dtypes: Of each slot what its numbers are kept in, None where that is unknown.
    """

    def __init__(
        self, shapes: Sequence[tuple[int, ...]], dtypes: Sequence[DType | None]
    ) -> None:
        self._shapes = shapes
        self._dtypes = dtypes
        self._plans: list[_Plan] = []

    def find(
        self, body: bytes, start: int, offsets: Places, statuses: bytes
    ) -> Iterator[int]:
        """Yield the slots kept whole or as statistics that hold a NaN or an Inf.

        Args:
            body: The numbers of a step.
            start: Where they begin in it.
            offsets: Where each slot begins after that; the same object for all steps
                that are arranged alike.
            statuses: How each slot was kept.
        """
        plan = self._find_plan(offsets, statuses)
        for part in plan.gathered:
            at = start + part.rest
            many = (len(body) - at) // part.dtype.itemsize
            bad = _bad(np.frombuffer(body, part.dtype, many, at)[part.places])
            if bad.any():
                yield from dict.fromkeys(part.slots[bad].tolist())
        for dtype, place, many, slot in plan.runs:
            if _bad(np.frombuffer(body, dtype, many, start + place)).any():
                yield slot

    def _find_plan(self, offsets: Places, statuses: bytes) -> _Plan:
        for plan in self._plans:
            if plan.offsets is offsets and plan.statuses == statuses:
                return plan
        found = self._make_plan(offsets, statuses)
        self._plans = [*self._plans[1 - _KEPT_PLANS :], found]
        return found

    def _make_plan(self, offsets: Places, statuses: bytes) -> _Plan:
        gathered: dict[tuple[DType, int], list[tuple[Places, int]]] = {}
        runs: list[tuple[DType, int, int, int]] = []
        for slot, kept in enumerate(statuses):
            dtype, place, many = self._numbers(slot, kept, int(offsets[slot]))
            if dtype is None or not many:
                continue
            if many > _MOST_GATHERED:
                runs.append((dtype, place, many, slot))
                continue
            first, rest = divmod(place, dtype.itemsize)
            places = np.arange(first, first + many)
            gathered.setdefault((dtype, rest), []).append((places, slot))
        parts = tuple(
            _Gathered(
                dtype,
                rest,
                np.concatenate([places for places, _ in found]),
                np.concatenate([np.full(len(p), slot) for p, slot in found]),
            )
            for (dtype, rest), found in gathered.items()
        )
        return _Plan(offsets, statuses, parts, tuple(runs))

    def _numbers(
        self, slot: int, kept: int, offset: int
    ) -> tuple[DType | None, int, int]:
        """Return dtype, place and number of what has to be looked at of a slot."""
        if kept == _STATS:
            return _COUNT, offset + _COUNTS_AT, 2
        dtype = self._dtypes[slot]
        if kept == _WHOLE and dtype is not None and dtype.kind in _INEXACT:
            return dtype, offset, prod(self._shapes[slot])
        return None, 0, 0


def _bad(numbers: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which are not finite or, of counts, not 0."""
    if numbers.dtype == _COUNT:
        return np.asarray(numbers != 0)
    return np.asarray(~np.isfinite(numbers))
