"""The one read-write connection to a recording, used by the writer's thread alone.

Separate from the thread and its queue: this part knows SQL and bytes and nothing of
waiting.
"""

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from graphscope.errors import RecordingError
from graphscope.model.codec import graph_to_data
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace
from graphscope.storage.budget import Budget
from graphscope.storage.encode import encode_body
from graphscope.storage.findings import has_finding
from graphscope.storage.head import StepHead, encode_kept
from graphscope.storage.layout import SlotTable
from graphscope.storage.lock import hold_lock
from graphscope.storage.schema import (
    MAX_BLOB_BYTES,
    MAX_JSON_BYTES,
    MAX_STEPS,
    NO_LIMIT,
    SUMMARY_ROW,
    encode_json,
    seal,
)

_KNOWN_GRAPHS: Final = 64
_CLOSE_PATIENCE_S: Final = 1.0
_BATCH_STEPS: Final = 64
_BATCH_BYTES: Final = 1 << 20
_ROOM: Final = 64  # bytes for checksums and list lengths
_ROW_BYTES: Final = 24  # what a row takes beside its payload


@dataclass(frozen=True, slots=True)
class _Known:
    """A graph that was written, kept alive so that its identity means something."""

    graph: Graph
    row: int
    table: SlotTable


@dataclass(frozen=True, slots=True)
class _Draft:
    """The step that stands after the last one and waits to be replaced."""

    graph: int
    size: int


class Sink:
    """Writes traces into the file at `path`, which `create_file` made.

    Every method but `drop_lock` must be called from the thread that made the object.
    Graphs are known by identity first (the last 64 are kept alive for that) and else
    by content. Older steps are thinned to stay within `max_bytes`.

    A draft of a step that is paused at every event has another graph each time. Each
    goes with its draft, and its row id is never given to another: to a reader a row of
    `graph` holds one content or none.
    """

    def __init__(self, path: Path, *, max_bytes: int = NO_LIMIT) -> None:
        self._db = _connect(path)
        self._budget = Budget(self._db, max_bytes)
        self._lock = hold_lock(path)
        self._recent: OrderedDict[int, _Known] = OrderedDict()
        self._graphs: dict[bytes, int] = {}
        self._digests: dict[int, bytes] = {}
        self._next_graph = 0
        self._loose: set[int] = set()  # rows of graphs that no step uses
        self._draft: _Draft | None = None
        self._sources: dict[tuple[str, str], int] = {}
        self._steps = 0
        self._last_error = ""
        self._rows: list[int | bytes] = []
        self._rows_bytes = 0
        self._transaction_bytes = 0

    def write(self, trace: Trace, *, is_draft: bool = False) -> bool:
        """Add one step to the open transaction, begun if there is none.

        What comes after a draft takes its place. Returns False, and writes nothing,
        when the step is larger than a reader takes.

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
        body = encode_body(known.table, trace.observations, sources)
        head = StepHead(
            trace.step,
            known.row,
            trace.status,
            trace.loss(),
            trace.error,
            encode_kept(trace.kept),
        ).encode()
        if len(head) + len(body) > MAX_BLOB_BYTES - _ROOM:
            return False
        row = self._steps
        self._rows += row, seal("head", row, head), seal("step", row, body)
        self._draft = _Draft(known.row, len(head) + len(body) + _ROW_BYTES)
        self._count(self._draft.size)
        if not is_draft:
            self._keep_draft(has_finding=has_finding(trace, known.table, body))
        self._budget.steps.pinned = known.row
        self._drop_loose_graphs(known.row)
        self._last_error = trace.error
        if len(self._rows) >= _BATCH_STEPS * 3 or self._rows_bytes >= _BATCH_BYTES:
            self._insert_steps()
        if self._transaction_bytes >= self._budget.transaction_bytes:
            self.commit()
        return True

    def _keep_draft(self, *, has_finding: bool) -> None:
        """Make what stands in the last row a step that stays."""
        draft, self._draft = self._draft, None
        if draft is not None:
            self._budget.steps.add(
                self._steps,
                size=draft.size,
                graph=draft.graph,
                has_finding=has_finding,
            )
            self._loose.discard(draft.graph)
            self._steps += 1

    def _drop_loose_graphs(self, newest: int) -> None:
        """Delete the graphs that only drafts had, in the transaction that ends these.

        Called when the new rows are collected: a failure before that leaves the old
        draft with its graph.
        """
        gone = self._loose - {newest}
        if gone:
            self._loose -= gone
            self._budget.drop_graphs(sorted(gone))
            self._forget_graphs(gone)

    def _count(self, size: int) -> None:
        self._rows_bytes += size
        self._transaction_bytes += size
        self._budget.note(size)

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

    def _store_graph(self, graph: Graph) -> _Known | None:
        found = self._recent.get(id(graph))
        if found is not None:
            self._recent.move_to_end(id(graph))
            return found
        payload = encode_json(graph_to_data(graph))
        if len(payload) > MAX_JSON_BYTES:
            return None
        digest = sha256(payload).digest()
        row = self._graphs.get(digest)
        if row is None:
            row = self._add_graph(digest, payload)
        known = _Known(graph, row, SlotTable(graph.slots))
        self._recent[id(graph)] = known
        if len(self._recent) > _KNOWN_GRAPHS:
            self._recent.popitem(last=False)
        return known

    def _add_graph(self, digest: bytes, payload: bytes) -> int:
        row = self._graphs[digest] = self._next_graph
        self._digests[row] = digest
        self._next_graph += 1
        self._insert("graph", row, payload)
        self._loose.add(row)
        self._budget.steps.add_graph(row, len(payload) + _ROW_BYTES)
        return row

    def _forget_graphs(self, gone: Collection[int]) -> None:
        for row in gone:
            del self._graphs[self._digests.pop(row)]
        for key in [key for key, known in self._recent.items() if known.row in gone]:
            del self._recent[key]

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
        self._transaction_bytes += len(payload)
        self._budget.note(len(payload))

    def commit(self) -> None:
        """Make what was written so far durable against the end of this process."""
        self._insert_steps()
        if self._db.in_transaction:
            self._forget_graphs(set(self._budget.thin()))
            self._db.execute("COMMIT")
        self._transaction_bytes = 0

    def finish(self, *, error: str, dropped: int) -> None:
        """Write the summary and leave one file behind.

        A draft that no step has replaced stays as the last step: it was shown, and it
        is all that is known of how the run ended.

        A reader that is open just now keeps SQLite from removing the side files; it is
        waited for a moment, then they stay, empty.
        """
        error = error or self._last_error
        self._keep_draft(has_finding=True)
        summary = {"steps": self._steps, "dropped": dropped, "error": error}
        self.commit()
        self._db.execute("BEGIN")
        self._drop_loose_graphs(-1)
        self._budget.finish()
        self._budget.copy_graphs()
        self._insert("meta", SUMMARY_ROW, encode_json(summary))
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        until = monotonic() + _CLOSE_PATIENCE_S
        while not self._leave_wal() and monotonic() < until:
            sleep(0.01)
        self._close()

    def _close(self) -> None:
        self._db.close()
        self.drop_lock()

    def drop_lock(self) -> None:
        """Give up the mark that this process writes; also for a forked child."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _leave_wal(self) -> bool:
        try:
            self._db.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.OperationalError:
            return False
        return True

    def abandon(self) -> None:
        """Close after a failure, and keep the steps before it if that is possible."""
        try:
            # SQLite may have taken the transaction back, and with it the graph that
            # the collected steps need.
            if self._db.in_transaction:
                self.commit()
        finally:
            self._close()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    (mode,) = db.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise RecordingError("this file system cannot be read while it is written")
    # What the process has written outlives it. Waiting for the disk too (100 ms and
    # more when it is busy) would cost the steps that come meanwhile.
    db.execute("PRAGMA synchronous=OFF")
    # The first question opens the -wal file, and with it the lock by which another
    # process sees that the recording is in use.
    db.execute("SELECT count(*) FROM meta").fetchone()
    return db
