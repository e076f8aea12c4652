"""The texts of the user's files in a recording, read once and then what was added.

Separate from the steps, which refer to them by row and are whole without them.
"""

import sqlite3
from collections.abc import Iterable

from graphscope.errors import RecordingError
from graphscope.storage.connect import Connection, Stamp
from graphscope.storage.schema import decode_json, unseal


class SourceTexts:
    """Path and text of each row of `source`, as far as they could be read."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[str, str]] = {}
        self._read_at: Stamp | None = None

    def latest(self, connection: Connection) -> dict[str, str]:
        """Return the latest text of each file, by path."""
        self._read_new(connection)
        return dict(self._texts[row] for row in sorted(self._texts))

    def pick(self, connection: Connection, rows: Iterable[int]) -> dict[str, str]:
        """Return the texts in some rows, by path; what is missing is left out."""
        wanted = tuple(rows)
        if not self._texts.keys() >= set(wanted):
            self._read_new(connection)
        return dict(self._texts[row] for row in wanted if row in self._texts)

    def _read_new(self, connection: Connection) -> None:
        stamp = connection.stamp
        if self._read_at == stamp and not stamp.wal_bytes:
            return
        self._read_at = stamp
        start = max(self._texts, default=-1) + 1
        query = "SELECT id, body FROM source WHERE id >= ? ORDER BY id"
        try:
            for row, blob in connection.rows(query, (start,)):
                self._add(row, blob)
        except sqlite3.DatabaseError:
            return  # the numbers do not need the text

    def _add(self, row: int, blob: object) -> None:
        try:
            match decode_json(unseal("source", row, blob)):
                case [str(path), str(text)]:
                    self._texts[row] = path, text
        except RecordingError:
            return  # likewise
