"""Keeping a recording within its disk budget, while it is written.

Separate from the sink, which only adds. What goes leaves its pages to the next steps
inside of the file, so the file itself stays as large as it was.
"""

import sqlite3
from typing import Final

import numpy as np

from graphscope.storage.schema import (
    THINNED_PART_ROWS,
    THINNED_ROW,
    copy_row,
    seal,
)
from graphscope.storage.thinning import Thinner

_MAX_LOG_BYTES: Final = 4 << 20
_MIN_LOG_BYTES: Final = 32 << 10
_LOG_SHARE: Final = 16
_LOGS: Final = 3  # what the -wal file may take, in units of its checkpoint interval
_START: Final = 0.9
"""Part of the room for steps at which thinning begins."""
_RATE: Final = 4
"""Bytes that go for each byte that is written, while steps are thinned."""
_ASK_SHARE: Final = 64
_COPIES_BYTES: Final = 16 << 20
_MOST_ROWS: Final = 500  # in one statement


class Budget:
    """Thins the recording behind `db` so that its file and log stay within `max_bytes`.

    The log (`-wal`) is emptied after a 16th of the budget, 4 MiB at most, and can reach
    a little more than twice that: room for three is kept free. So the two together stay
    within a budget of 4 MiB and more; below, 128 KiB may come on top while the file is
    written. On top come also at most two steps of the largest size, and what is written
    while a reader reads for seconds. With less room than two steps the first and the
    last are kept.
    """

    def __init__(self, db: sqlite3.Connection, max_bytes: int) -> None:
        self._db = db
        log = min(max(max_bytes // _LOG_SHARE, _MIN_LOG_BYTES), _MAX_LOG_BYTES)
        (self._page,) = db.execute("PRAGMA page_size").fetchone()
        # Some builds of SQLite overwrite what they delete, through the log.
        db.execute("PRAGMA secure_delete=OFF").fetchone()
        db.execute(f"PRAGMA wal_autocheckpoint={log // self._page}").fetchone()
        db.execute(f"PRAGMA journal_size_limit={log}").fetchone()
        self.transaction_bytes = log
        self.limit = max(max_bytes - _LOGS * log, max_bytes // 2)
        self.steps = Thinner()
        self._gone = bytearray()  # one byte for each row
        self._unasked = 0
        self._written = 0

    def note(self, size: int) -> None:
        """Count bytes that were written since the last look."""
        self._unasked += size
        self._written += size

    def thin(self) -> list[int]:
        """Delete what is to go, within a transaction; return the graphs that went."""
        if not self.steps.has_victims and self._unasked * _ASK_SHARE >= self.limit:
            self._unasked = 0
            used = self.used()
            if used > self.limit * _START:
                self.steps.plan(used=used, limit=self.limit)
        size, self._written = self._written * _RATE, 0
        return (
            self._delete(max(size, self.transaction_bytes // 4))
            if self.steps.has_victims
            else []
        )

    def finish(self) -> None:
        """Delete all that is still to go, so that what stays is even."""
        while self.steps.has_victims:
            self._delete(self.transaction_bytes)

    def drop_graphs(self, rows: list[int]) -> None:
        """Delete graphs that no step has used, within a transaction."""
        self._delete_rows("graph", rows)
        for row in rows:
            self.steps.forget_graph(row)

    def copy_graphs(self) -> None:
        """Store graphs a second time: the loss of one costs all the steps that use it.

        The most used first, as far as 16 MiB and the budget go.
        """
        room = min(_COPIES_BYTES, self.limit - self.used())
        for graph in self.steps.graphs_by_use:
            room -= self.steps.bytes_of_graph(graph)
            if room < 0:
                return
            self._db.execute(
                "REPLACE INTO meta SELECT ?, body FROM graph WHERE id = ?",
                (copy_row(graph), graph),
            )

    def used(self) -> int:
        """Return how many bytes of the file are in use."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        used: int = (pages - free) * self._page
        return used

    def _delete(self, size: int) -> list[int]:
        rows, graphs = self.steps.take(size)
        self._delete_rows("step", rows)
        self._delete_rows("graph", graphs)
        self._remember(rows)
        return graphs

    def _delete_rows(self, table: str, rows: list[int]) -> None:
        for start in range(0, len(rows), _MOST_ROWS):
            some = rows[start : start + _MOST_ROWS]
            marks = ", ".join("?" * len(some))
            statement = f"DELETE FROM {table} WHERE id IN ({marks})"  # noqa: S608
            self._db.execute(statement, some)

    def _remember(self, rows: list[int]) -> None:
        """Write down which rows went, or a reader would take them for damaged."""
        self._gone.extend(bytes(max(0, rows[-1] + 1 - len(self._gone))))
        for row in rows:
            self._gone[row] = 1
        for part in sorted({row // THINNED_PART_ROWS for row in rows}):
            start = part * THINNED_PART_ROWS
            flags = np.frombuffer(self._gone, np.uint8, offset=start)
            bits = np.packbits(flags[:THINNED_PART_ROWS]).tobytes()
            place = THINNED_ROW + part
            statement = "REPLACE INTO meta VALUES (?, ?)"
            self._db.execute(statement, (place, seal("meta", place, bits)))
