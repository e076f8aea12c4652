"""The numbers of one step out of its bytes, one slot at a time, trusting nothing."""

import re
import struct
from collections.abc import Sequence
from math import prod
from struct import Struct
from typing import Final, overload

import numpy as np

from graphscope.errors import RecordingError
from graphscope.model.observation import Array, Observation, Stats
from graphscope.storage.layout import COUNT, PLACE, STATS, DType, Kept, SlotTable

_DTYPE_NAME: Final = re.compile("[<>|]?[biufc][0-9]{1,2}")
_MAX_SOURCES: Final = 1 << 16


class StepNumbers(Sequence[Observation | None]):
    """The observations of one step, each decoded when it is asked for.

    Raises:
        RecordingError: The body does not fit the graph. Also from an index, when the
            entry of that one slot is malformed.
    """

    def __init__(self, table: SlotTable, body: bytes) -> None:
        self._table = table
        self._body = body
        self._seen: dict[int, Observation | None] = {}
        self.sources, start = _read_sources(body)
        statuses = body[start : start + len(table)]
        if len(statuses) != len(table):
            raise RecordingError("A step has fewer entries than its graph has slots.")
        self._statuses = statuses
        self._start = start + len(table)
        self._offsets = table.offsets(statuses)
        self._tail = self._start + int(self._offsets[-1])
        has_tail = Kept.OTHER in statuses
        if self._tail > len(body) or (self._tail < len(body) and not has_tail):
            raise RecordingError("The numbers of a step do not fit its graph.")

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> Observation | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Observation | None]: ...
    def __getitem__(
        self, index: int | slice
    ) -> Observation | Sequence[Observation | None] | None:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(len(self))[index])
        slot = range(len(self))[index]
        if slot not in self._seen:
            self._seen[slot] = self._decode(slot)
        return self._seen[slot]

    def _decode(self, slot: int) -> Observation | None:
        start = self._start + int(self._offsets[slot])
        match self._statuses[slot]:
            case Kept.ABSENT:
                return None
            case Kept.WHOLE:
                shape, dtype = self._table.shapes[slot], self._table.dtypes[slot]
                return Observation(_view(self._body, start, shape, dtype))
            case Kept.STATS:
                return Observation(summary=Stats(*STATS.unpack_from(self._body, start)))
            case Kept.OTHER:
                (place,) = PLACE.unpack_from(self._body, start)
                return _decode_other(self._body, self._tail + place)
        return Observation()


def _read_sources(body: bytes) -> tuple[tuple[int, ...], int]:
    if len(body) >= COUNT.size:
        (count,) = COUNT.unpack_from(body)
        end = COUNT.size * (count + 1)
        if end <= len(body) and count <= _MAX_SOURCES:
            rows = np.frombuffer(body, "<u4", count, COUNT.size) if count else ()
            return tuple(int(row) for row in rows), end
    raise RecordingError("A step ends inside its list of sources.")


def _view(
    body: bytes, start: int, shape: tuple[int, ...], dtype: DType | None
) -> Array:
    if dtype is None or min(shape, default=0) < 0:
        raise RecordingError("The type or shape of a slot is not possible.")
    if start + prod(shape) * dtype.itemsize > len(body):
        raise RecordingError("The data of a slot is longer than its step.")
    try:
        return np.ndarray(shape, dtype, body, start if prod(shape) else 0)
    except (ValueError, TypeError):
        raise RecordingError("The shape of a slot is not possible.") from None


def _decode_other(body: bytes, start: int) -> Observation:
    try:
        has_summary, name_length = body[start], body[start + 1]
        start += 2
        name = body[start : start + name_length].decode("ascii")
        ndim = body[start + name_length]
        start += name_length + 1
        shape = Struct(f"<{ndim}q").unpack_from(body, start)
        start += 8 * ndim
        dtype = np.dtype(name) if _DTYPE_NAME.fullmatch(name) else None
        if not has_summary:
            return Observation(_view(body, start, shape, dtype))
        summary = Stats(*STATS.unpack_from(body, start))
        return Observation(_view(body, start + STATS.size, shape, dtype), summary)
    except (IndexError, struct.error, TypeError, UnicodeDecodeError):
        raise RecordingError("The entry of a slot is malformed.") from None
