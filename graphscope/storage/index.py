"""Which steps a file has, read once and then only what was added.

Separate from the steps themselves, because a recording is opened, counted and its
loss drawn without decoding any of them. Damage is expected here: rows that the
database cannot hand out in order are looked for one by one.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graphscope.errors import RecordingError
from graphscope.model.kept import KeptGraph
from graphscope.storage.connect import Connection, damaged
from graphscope.storage.head import StepHead, decode_head, decode_kept
from graphscope.storage.schema import (
    ENVIRONMENT_ROW,
    MAX_STEPS,
    SEAL_BYTES,
    SUMMARY_ROW,
    THINNED_PART_ROWS,
    THINNED_PARTS,
    THINNED_ROW,
    decode_json,
    unseal,
)

Flags = npt.NDArray[np.bool_]
Mark = tuple[int, object, bytes]

_MIN_STEP_BYTES: Final = 40
_ALWAYS_ALLOWED: Final = 1 << 16  # steps; a cut file has more than its size tells
_SEARCH_S: Final = 2.0
_SEARCH_BEYOND: Final = 64  # rows tried after the last known one


@dataclass(frozen=True, slots=True)
class Summary:
    """What a clean close says about the recording."""

    steps: int
    dropped: int
    error: str


def read_environment(connection: Connection) -> dict[str, str]:
    """Return the environment, empty when it is damaged."""
    data = _read_meta(connection, ENVIRONMENT_ROW)
    if not isinstance(data, dict):
        return {}
    return {k: v for k, v in data.items() if isinstance(v, str)}


def read_summary(connection: Connection) -> Summary | None:
    """Return the summary, None when the recording was not closed (or lost it)."""
    match _read_meta(connection, SUMMARY_ROW):
        case {"steps": int(steps), "dropped": int(dropped), "error": str(error)}:
            return Summary(steps, dropped, error) if steps >= 0 else None
    return None


def _read_meta(connection: Connection, row: int) -> Any:
    try:
        blob = read_blob(connection, "meta", row)
        return None if blob is None else decode_json(unseal("meta", row, blob))
    except (sqlite3.DatabaseError, RecordingError):
        return None


_QUERIES: Final[Mapping[str, str]] = {
    "meta": "SELECT body FROM meta WHERE id = ?",
    "graph": "SELECT body FROM graph WHERE id = ?",
    "step": "SELECT body FROM step WHERE id = ?",
    "head": "SELECT head FROM step WHERE id = ?",
}


def read_blob(connection: Connection, part: str, row: int) -> object:
    """Return what stands in one row, None when there is no such row."""
    return next((found[0] for found in connection.rows(_QUERIES[part], (row,))), None)


def read_thinned(connection: Connection) -> Flags:
    """Return one flag for each row that ever was, set where the budget took the row.

    Damage makes flags false: rows that may have been lost are not called thinned.
    """
    parts: dict[int, bytes] = {}
    query = "SELECT id, body FROM meta WHERE id >= ? AND id < ?"
    try:
        for row, blob in connection.rows(
            query, (THINNED_ROW, THINNED_ROW + THINNED_PARTS)
        ):
            with suppress(RecordingError):
                parts[row - THINNED_ROW] = unseal("meta", row, blob)
    except sqlite3.DatabaseError as reason:
        if getattr(reason, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_INTERRUPT:
            raise
    flags = np.zeros((max(parts, default=-1) + 1) * THINNED_PART_ROWS, np.bool_)
    for part, bits in parts.items():
        start, held = part * THINNED_PART_ROWS, bits[: THINNED_PART_ROWS // 8]
        found = np.unpackbits(np.frombuffer(held, np.uint8))
        flags[start : start + found.size] = found
    return np.trim_zeros(flags, "b")


def read_head(connection: Connection, row: int) -> StepHead | None:
    """Return the head of one step, None when it is missing or damaged."""
    return _open_head(row, read_blob(connection, "head", row))


def read_kept(
    connection: Connection, row: int, head: StepHead
) -> tuple[KeptGraph, ...]:
    """Return the graphs of earlier steps that were alive at the end of a step.

    Raises:
        RecordingError: What is written of them is malformed.
    """
    found = head if head.kept is not None else read_head(connection, row)
    return decode_kept((found.kept if found is not None else None) or b"")


def read_mark(connection: Connection, row: int) -> Mark | None:
    """Return what differs when the step in `row` was written anew, None without one.

    Of the body that is its checksum: a step may be large, and is looked at often.
    """
    try:
        head = read_blob(connection, "head", row)
        return row, head, connection.start_of_body(row, SEAL_BYTES)
    except sqlite3.DatabaseError:
        return None


def is_thinned(connection: Connection, row: int) -> bool:
    """Whether the budget has taken a row by now."""
    thinned = read_thinned(connection)
    return row < thinned.size and bool(thinned[row])


def read_heads(
    connection: Connection, start: int, summary: Summary | None, thinned: Flags
) -> list[tuple[int, StepHead | None]]:
    """Return row and head of all steps from row `start` on, None for a damaged head.

    Raises:
        RecordingError: It claims more steps than such a file can have.
        sqlite3.OperationalError: Reading did not come to an end.
    """
    size = connection.stamp.size + connection.stamp.wal_bytes
    gone = int(thinned.sum())
    most = min(MAX_STEPS, max(size // _MIN_STEP_BYTES, _ALWAYS_ALLOWED) + gone)
    claimed = max(0 if summary is None else summary.steps, thinned.size)
    if claimed > most:
        raise damaged(connection.path, f"it claims {claimed} steps")
    found: dict[int, StepHead | None] = {}
    try:
        for row, blob in _scan(connection, start, most):
            found[row] = _without_kept(_open_head(row, blob))
    except sqlite3.DatabaseError as reason:
        if getattr(reason, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_INTERRUPT:
            raise
        last = max(found, default=start - 1)
        end = min(most, max(claimed, _last_row(connection), last + _SEARCH_BEYOND))
        _search(connection, _not_thinned(range(start, end), thinned), found)
    count = max(claimed, start, 1 + max((r for r in found if found[r]), default=-1))
    while summary is None and count in found:  # damaged, but in its place
        count += 1
    there = set(_not_thinned(range(start, count), thinned))
    there.update(row for row in found if row < count)
    return [(row, found.get(row)) for row in sorted(there)]


def _not_thinned(rows: range, thinned: Flags) -> list[int]:
    flags = thinned[rows.start : rows.stop]
    told = (np.flatnonzero(~flags) + rows.start).tolist()
    return [*told, *range(rows.start + flags.size, rows.stop)]


def _scan(connection: Connection, start: int, most: int) -> Iterator[tuple[int, Any]]:
    query = "SELECT id, head FROM step WHERE id >= ? AND id < ? ORDER BY id"
    for row, blob in connection.rows(query, (start, most)):
        if type(row) is int and start <= row < most:
            yield row, blob


def _last_row(connection: Connection) -> int:
    try:
        row = next(connection.rows("SELECT max(id) FROM step"))[0]
    except sqlite3.DatabaseError:
        return -1
    return row + 1 if type(row) is int else -1


def _search(
    connection: Connection, rows: Iterable[int], found: dict[int, StepHead | None]
) -> None:
    until = monotonic() + _SEARCH_S
    for row in rows:
        if row in found or monotonic() > until:
            continue
        try:
            blob = read_blob(connection, "head", row)
        except sqlite3.DatabaseError:
            continue
        if blob is not None:
            found[row] = _open_head(row, blob)


def _without_kept(head: StepHead | None) -> StepHead | None:
    """Leave in the file what is only asked for with the rest of the step."""
    return head if head is None or not head.kept else replace(head, kept=None)


def _open_head(row: int, blob: object) -> StepHead | None:
    try:
        return decode_head(unseal("head", row, blob))
    except RecordingError:
        return None
