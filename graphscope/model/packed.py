"""The numbers of one step as bytes, and one observation at a time out of them.

Capture writes into bytes while training runs, because an object for every number would
cost more than the number. A file keeps the same bytes. For each slot of a graph there
is one status byte, and in the slots' order: nothing, its raw little-endian data, 72
bytes of statistics, or (for what the slot does not describe) an offset into the tail:
entries that carry their own header.

Where a slot's numbers begin follows from the status bytes and the graph alone, so a
step is opened without touching its numbers.
"""

import re
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from math import prod
from struct import Struct
from typing import Any, Final, Self, overload

import numpy as np
import numpy.typing as npt

from graphscope.errors import RecordingError
from graphscope.model.graph import Slot
from graphscope.model.observation import Array, Observation, Stats
from graphscope.model.scan import NumberScan

MAX_STEP_BYTES: Final = 256 << 20
"""Most bytes of one step's numbers."""


class Kept(IntEnum):
    """What was kept of one slot: its status byte."""

    ABSENT = 0  # no tensor there
    UNREAD = 1  # a tensor that could not be read
    WHOLE = 2  # the data, of the slot's own shape and dtype
    STATS = 3
    OTHER = 4  # anything else, with its own header in the tail


PLACE: Final = Struct("<Q")
STATS: Final = Struct("<q5d3q")
"""The fields of `Stats`, in their order."""

DType = np.dtype[Any]

_WIDENED: Final = ("bfloat16", "float8_")
_DTYPES: Final[Mapping[str, DType]] = {
    name: np.dtype(name).newbyteorder("<")
    for name in (
        *("bool", "int8", "int16", "int32", "int64"),
        *("uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
_DTYPE_NAME: Final = re.compile("[<>|]?[biufc][0-9]{1,2}")


def stored_dtype(name: str) -> DType | None:
    """Return the NumPy dtype that torch's dtype `name` is kept in, None if unknown."""
    return _DTYPES["float32"] if name.startswith(_WIDENED) else _DTYPES.get(name)


class SlotTable:
    """The slots of one graph as tables: what a whole slot takes, and where it begins.

    The offsets are kept for the last few patterns of status bytes: nearly all steps of
    a training loop have the same one.
    """

    _PATTERNS = 8

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.shapes = [slot.shape for slot in slots]
        self.dtypes = [stored_dtype(slot.dtype) for slot in slots]
        too_large = MAX_STEP_BYTES + 1
        self._whole = np.array(
            [
                too_large
                if dtype is None
                else min(prod(shape) * dtype.itemsize, too_large)
                for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
            ],
            np.int64,
        )
        self._patterns: dict[bytes, npt.NDArray[np.int64]] = {}
        self.scan = NumberScan(self.shapes, self.dtypes)

    def __len__(self) -> int:
        return len(self.shapes)

    def offsets(self, statuses: bytes) -> npt.NDArray[np.int64]:
        """Return where each slot begins, and as last entry where the last one ends.

        Raises:
            RecordingError: A status byte means nothing.
        """
        found = self._patterns.get(statuses)
        if found is None:
            found = self._compute_offsets(statuses)
            while len(self._patterns) >= self._PATTERNS:
                self._patterns.pop(next(iter(self._patterns)), None)
            self._patterns[statuses] = found
        return found

    def _compute_offsets(self, statuses: bytes) -> npt.NDArray[np.int64]:
        kept = np.frombuffer(statuses, np.uint8)
        if kept.size and int(kept.max()) > max(Kept):
            raise RecordingError("A status byte of a step is unknown.")
        sizes = np.choose(kept, [0, 0, self._whole, STATS.size, PLACE.size])
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


class Order:
    """Where the numbers of each slot lie in bytes that are in some other order.

    One object serves all steps that were read in the same order.
    """

    def __init__(
        self, table: SlotTable, statuses: bytes, starts: npt.NDArray[np.int64]
    ) -> None:
        self.statuses = statuses
        self.starts = starts
        sizes = np.diff(table.offsets(statuses))
        ends = starts + sizes
        is_kept = sizes > 0
        first, last = starts[is_kept], ends[is_kept]
        # Slots that follow each other in both orders are one piece.
        cuts = np.flatnonzero(first[1:] != last[:-1]) + 1
        begins = np.concatenate([first[:1], first[cuts]]).tolist()
        stops = np.concatenate([last[cuts - 1], last[-1:]]).tolist()
        self._pieces = [slice(a, b) for a, b in zip(begins, stops, strict=True)]

    def sort(self, body: bytes) -> bytes:
        """Return the numbers in the slots' order."""
        return b"".join(map(body.__getitem__, self._pieces))


class PackedNumbers(Sequence[Observation | None]):
    """The observations of one step, each decoded when it is asked for.

    Attributes:
        statuses: One status byte for each slot.
        is_finite: Whether all numbers are known to be neither NaN nor Inf.

    Raises:
        RecordingError: The bytes do not fit the graph. Also from an index, when the
            entry of that one slot is malformed.
    """

    def __init__(
        self, table: SlotTable, statuses: bytes, body: bytes, start: int = 0
    ) -> None:
        self._order: Order | None = None
        self.is_finite = False
        if len(statuses) != len(table):
            raise RecordingError("A step has fewer entries than its graph has slots.")
        self.statuses = statuses
        self._table = table
        self._body = body
        self._start = start
        self._seen: dict[int, Observation | None] = {}
        self._nonfinite: tuple[int, ...] | None = None
        self._offsets = table.offsets(statuses)
        self._tail = start + int(self._offsets[-1])
        has_tail = Kept.OTHER in statuses
        if self._tail > len(body) or (self._tail < len(body) and not has_tail):
            raise RecordingError("The numbers of a step do not fit its graph.")

    @classmethod
    def ordered(
        cls, table: SlotTable, order: Order, body: bytes, *, is_finite: bool
    ) -> Self:
        """Return the observations of a step whose bytes lie as `order` says."""
        found = cls.__new__(cls)
        found.statuses = order.statuses
        found._table, found._body, found._order = table, body, order  # noqa: SLF001
        found._start, found._seen, found._tail = 0, {}, 0  # noqa: SLF001
        found._nonfinite = None  # noqa: SLF001
        found._offsets = order.starts  # noqa: SLF001 - our own object
        found.is_finite = is_finite
        return found

    @property
    def nonfinite(self) -> tuple[int, ...]:
        """The slots that hold a NaN or an Inf, in order."""
        if self.is_finite:
            return ()
        if self._nonfinite is None:
            scan, offsets = self._table.scan, self._offsets
            found = set(scan.find(self._body, self._start, offsets, self.statuses))
            if Kept.OTHER in self.statuses:
                others = (
                    i for i, kept in enumerate(self.statuses) if kept == Kept.OTHER
                )
                found.update(i for i in others if not is_finite(self[i]))
            self._nonfinite = tuple(sorted(found))
        return self._nonfinite

    @property
    def size_bytes(self) -> int:
        """How much memory the numbers take."""
        return len(self._body)

    @property
    def numbers(self) -> bytes:
        """What follows the status bytes in a file."""
        if self._order is not None:
            return self._order.sort(self._body)
        return self._body[self._start :] if self._start else self._body

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
        match self.statuses[slot]:
            case Kept.ABSENT:
                return None
            case Kept.WHOLE:
                shape, dtype = self._table.shapes[slot], self._table.dtypes[slot]
                return Observation(view_data(self._body, start, shape, dtype))
            case Kept.STATS:
                return Observation(summary=Stats(*STATS.unpack_from(self._body, start)))
            case Kept.OTHER:
                (place,) = PLACE.unpack_from(self._body, start)
                return _decode_other(self._body, self._tail + place)
        return Observation()


def is_finite(seen: Observation | None) -> bool:
    """Whether nothing of what was seen is NaN or infinite.

    >>> is_finite(Observation(np.array([1.0, np.inf]))), is_finite(None)
    (False, True)
    """
    if seen is None:
        return True
    if seen.data is not None:
        return seen.data.dtype.kind not in "fc" or bool(np.isfinite(seen.data).all())
    return seen.summary is None or seen.summary.is_finite


def nonfinite_slots(seen: Sequence[Observation | None]) -> tuple[int, ...]:
    """Return the slots of a step that hold a NaN or an Inf, in order."""
    if isinstance(seen, PackedNumbers):
        return seen.nonfinite
    return tuple(i for i, one in enumerate(seen) if not is_finite(one))


def view_data(
    body: bytes | bytearray, start: int, shape: tuple[int, ...], dtype: DType | None
) -> Array:
    """Return the array of `shape` that begins at `start`, as a view.

    Raises:
        RecordingError: There is no such array, or `body` is too short for it.
    """
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
            return Observation(view_data(body, start, shape, dtype))
        summary = Stats(*STATS.unpack_from(body, start))
        return Observation(view_data(body, start + STATS.size, shape, dtype), summary)
    except (IndexError, struct.error, TypeError, UnicodeDecodeError):
        raise RecordingError("The entry of a slot is malformed.") from None
