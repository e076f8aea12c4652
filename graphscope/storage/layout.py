"""Where the numbers of each slot lie inside a step's bytes.

Separate from writing and reading them, because both must agree. A body is

    u32 number of sources, their row ids as u32,
    one status byte for each slot,
    for each slot in order: nothing, its raw little-endian data, 72 bytes of
        statistics, or (for what the slot does not describe) an offset into
    the tail: entries that carry their own header.

Where a slot's numbers begin follows from the status bytes and the graph alone, so a
step is opened without touching its numbers.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from math import prod
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graphscope.errors import RecordingError
from graphscope.model.graph import Slot
from graphscope.storage.schema import MAX_BLOB_BYTES


class Kept(IntEnum):
    """What was kept of one slot: its status byte."""

    ABSENT = 0  # no tensor there
    UNREAD = 1  # a tensor that could not be read
    WHOLE = 2  # the data, of the slot's own shape and dtype
    STATS = 3
    OTHER = 4  # anything else, with its own header in the tail


COUNT: Final = Struct("<I")
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
        too_large = MAX_BLOB_BYTES + 1
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
