"""The numbers of one step out of a file's bytes, trusting nothing."""

from typing import Final

import numpy as np

from graphscope.errors import RecordingError
from graphscope.model.packed import PackedNumbers, SlotTable
from graphscope.storage.layout import COUNT

_MAX_SOURCES: Final = 1 << 16


class StepNumbers(PackedNumbers):
    """The observations of one step, and which source rows it refers to.

    Raises:
        RecordingError: The body does not fit the graph. Also from an index, when the
            entry of that one slot is malformed.
    """

    def __init__(self, table: SlotTable, body: bytes) -> None:
        self.sources, start = _read_sources(body)
        statuses = body[start : start + len(table)]
        super().__init__(table, statuses, body, start + len(table))


def _read_sources(body: bytes) -> tuple[tuple[int, ...], int]:
    if len(body) >= COUNT.size:
        (count,) = COUNT.unpack_from(body)
        end = COUNT.size * (count + 1)
        if end <= len(body) and count <= _MAX_SOURCES:
            rows = np.frombuffer(body, "<u4", count, COUNT.size) if count else ()
            return tuple(int(row) for row in rows), end
    raise RecordingError("A step ends inside its list of sources.")
