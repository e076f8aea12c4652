"""The numbers of one step as bytes; `graphscope.storage.layout` says in which order."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from graphscope.model.observation import Array, Observation, Stats
from graphscope.model.packed import PLACE, STATS, DType, Kept, PackedNumbers, SlotTable
from graphscope.storage.layout import COUNT

_KINDS: Final = "biufc"


def encode_body(
    table: SlotTable, observations: Sequence[Observation | None], sources: Sequence[int]
) -> bytes:
    """Return the numbers of a step as bytes.

    Data of a dtype that is no number (objects, texts) counts as not read.

    Raises:
        ValueError: The number of observations is not the number of slots.
    """
    head = COUNT.pack(len(sources)) + np.array(sources, "<u4").tobytes()
    if isinstance(observations, PackedNumbers):
        if len(observations) != len(table):
            raise ValueError("The numbers belong to another graph.")
        return b"".join([head, observations.statuses, observations.numbers])
    statuses = bytearray()
    numbers: list[bytes] = []
    tail: list[bytes] = []
    tail_bytes = 0
    for seen, shape, dtype in zip(
        observations, table.shapes, table.dtypes, strict=True
    ):
        kept, part = _encode_slot(seen, shape, dtype)
        if kept is Kept.OTHER:
            tail.append(part)
            part, tail_bytes = PLACE.pack(tail_bytes), tail_bytes + len(part)
        statuses.append(kept)
        numbers.append(part)
    return b"".join([head, statuses, *numbers, *tail])


def _encode_slot(
    seen: Observation | None, shape: tuple[int, ...], dtype: DType | None
) -> tuple[Kept, bytes]:
    if seen is None:
        return Kept.ABSENT, b""
    data, summary = seen.data, seen.summary
    if data is not None and (data.dtype.hasobject or data.dtype.kind not in _KINDS):
        data = None
    if data is not None:
        # To NumPy, None is float64: a slot of an unknown dtype has no data of its own.
        is_own = dtype is not None and data.dtype == dtype and data.shape == shape
        if summary is None and is_own:
            return Kept.WHOLE, data.tobytes()
        return Kept.OTHER, _encode_other(data, summary)
    if summary is not None:
        return Kept.STATS, _encode_stats(summary)
    return Kept.UNREAD, b""


def _encode_stats(stats: Stats) -> bytes:
    return STATS.pack(
        stats.numel,
        stats.minimum,
        stats.maximum,
        stats.mean,
        stats.std,
        stats.l2,
        stats.zeros,
        stats.nans,
        stats.infs,
    )


def _encode_other(data: Array, summary: Stats | None) -> bytes:
    name = data.dtype.str.encode()
    return b"".join(
        [
            bytes([summary is not None, len(name)]),
            name,
            bytes([data.ndim]),
            np.array(data.shape, "<i8").tobytes(),
            b"" if summary is None else _encode_stats(summary),
            data.tobytes(),
        ]
    )
