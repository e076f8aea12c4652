"""The one read-write connection to a recording, used by the writer's thread alone.

Separate from the thread and its queue: this part knows SQL and bytes and nothing of
waiting.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from graphscope.errors import RecordingError
from graphscope.model.codec import graph_to_data
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace
from graphscope.storage.encode import encode_body
from graphscope.storage.head import StepHead
from graphscope.storage.layout import SlotTable
from graphscope.storage.schema import (
    MAX_BLOB_BYTES,
    MAX_JSON_BYTES,
    MAX_STEPS,
    SUMMARY_ROW,
    encode_json,
    seal,
)

_KNOWN_GRAPHS: Final = 64
_CLOSE_PATIENCE_S: Final = 1.0
_BATCH_STEPS: Final = 64
_BATCH_BYTES: Final = 1 << 20
_ROOM: Final = 64  # bytes for checksums and list lengths


class Sink:
    """Writes traces into the file at `path`, which `create_file` made.

    Every method must be called from the thread that made the object. Graphs are known
    by identity first (the last 64 are kept alive for that) and else by content.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        (mode,) = self._db.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise RecordingError("this file system cannot be read while it is written")
        self._db.execute("PRAGMA synchronous=NORMAL")
        # The first question opens the -wal file, and with it the lock by which another
        # process sees that the recording is in use.
        self._db.execute("SELECT count(*) FROM meta").fetchone()
        self._recent: OrderedDict[int, tuple[Graph, int, SlotTable]] = OrderedDict()
        self._graphs: dict[bytes, int] = {}
        self._sources: dict[tuple[str, str], int] = {}
        self._steps = 0
        self._last_error = ""
        self._rows: list[int | bytes] = []
        self._rows_bytes = 0

    def write(self, trace: Trace, *, is_draft: bool = False) -> bool:
        """Add one step to the open transaction, begun if there is none.

        The step after a draft takes its place. Returns False, and writes nothing, when
        the step is larger than a reader takes.

        Raises:
            sqlite3.Error: The disk or the file refused.
            RecordingError: The recording has as many steps as a reader takes.
        """
        if self._steps >= MAX_STEPS:
            raise RecordingError(f"A recording holds at most {MAX_STEPS} steps.")
        if not self._db.in_transaction:
            self._db.execute("BEGIN")
        known = self._store_graph(trace.graph)
        sources = self._store_sources(trace.sources)
        if known is None or sources is None:
            return False
        graph, table = known
        body = encode_body(table, trace.observations, sources)
        head = StepHead(
            trace.step, graph, trace.status, trace.loss(), trace.error
        ).encode()
        if len(head) + len(body) > MAX_BLOB_BYTES - _ROOM:
            return False
        row = self._steps
        self._rows += row, seal("head", row, head), seal("step", row, body)
        self._rows_bytes += len(body)
        self._steps += not is_draft
        self._last_error = trace.error
        if len(self._rows) >= _BATCH_STEPS * 3 or self._rows_bytes >= _BATCH_BYTES:
            self._insert_steps()
        return True

    def _insert_steps(self) -> None:
        """Insert the collected steps with one statement.

        Every call into SQLite gives the interpreter to the training thread, which
        may keep it for 5 ms; so there is one call for many steps.
        """
        if self._rows:
            values = ", ".join(["(?, ?, ?)"] * (len(self._rows) // 3))
            statement = f"REPLACE INTO step VALUES {values}"  # noqa: S608 - only marks
            self._db.execute(statement, self._rows)
            self._rows, self._rows_bytes = [], 0

    def _store_graph(self, graph: Graph) -> tuple[int, SlotTable] | None:
        found = self._recent.get(id(graph))
        if found is not None:
            self._recent.move_to_end(id(graph))
            return found[1], found[2]
        payload = encode_json(graph_to_data(graph))
        if len(payload) > MAX_JSON_BYTES:
            return None
        digest = sha256(payload).digest()
        row = self._graphs.get(digest)
        if row is None:
            row = self._graphs[digest] = len(self._graphs)
            self._insert("graph", row, payload)
        table = SlotTable(graph.slots)
        self._recent[id(graph)] = graph, row, table
        if len(self._recent) > _KNOWN_GRAPHS:
            self._recent.popitem(last=False)
        return row, table

    def _store_sources(self, sources: Mapping[str, str]) -> list[int] | None:
        rows = []
        for entry in sources.items():
            row = self._sources.get(entry)
            if row is None:
                payload = encode_json(list(entry))
                if len(payload) > MAX_JSON_BYTES:
                    return None
                row = self._sources[entry] = len(self._sources)
                self._insert("source", row, payload)
            rows.append(row)
        return rows

    def _insert(self, table: str, row: int, payload: bytes) -> None:
        statement = f"INSERT INTO {table} VALUES (?, ?)"  # noqa: S608 - our own names
        self._db.execute(statement, (row, seal(table, row, payload)))

    def commit(self) -> None:
        """Make what was written so far durable against the end of this process."""
        self._insert_steps()
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def finish(self, *, error: str, dropped: int) -> None:
        """Write the summary and leave one file behind.

        A reader that is open just now keeps SQLite from removing the side files; it is
        waited for a moment, then they stay, empty.
        """
        error = error or self._last_error
        summary = {"steps": self._steps, "dropped": dropped, "error": error}
        self._insert("meta", SUMMARY_ROW, encode_json(summary))
        self.commit()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        until = monotonic() + _CLOSE_PATIENCE_S
        while not self._leave_wal() and monotonic() < until:
            sleep(0.01)
        self._db.close()

    def _leave_wal(self) -> bool:
        try:
            self._db.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.OperationalError:
            return False
        return True

    def abandon(self) -> None:
        """Close after a failure, and keep the steps before it if that is possible."""
        try:
            self.commit()
        finally:
            self._db.close()
