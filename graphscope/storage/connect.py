"""Opening somebody else's SQLite file so that it can do nothing but hand out bytes.

Separate from what the bytes mean. SQLite runs what a schema says: a view in place of
a table can produce rows for ever, a generated column can ask for a gigabyte. So the
schema must be, to the letter, the one that `graphscope.storage.schema` writes.
"""

import os
import sqlite3
import stat
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from graphscope.errors import RecordingError
from graphscope.storage.schema import (
    APPLICATION_ID,
    MAX_BLOB_BYTES,
    SCHEMA_VERSION,
    TABLES,
)

_DEADLINE_S: Final = 2.0
_BYTES_PER_S: Final = 20_000_000  # what a slow disk reads; adds to the deadline
_CHECK_EVERY: Final = 10_000  # instructions of SQLite's machine
_MIN_BYTES: Final = 512  # SQLite's smallest page
# Offsets in SQLite's header. Source: https://sqlite.org/fileformat2.html#the_database_header
_PAGE_BYTES_AT: Final = 16
_PAGES_AT: Final = 28
_SAFE: Final = (
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA mmap_size=0",
    "PRAGMA query_only=ON",
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file on disk looks like; another stamp means: connect again."""

    device: int
    inode: int
    size: int
    modified_ns: int
    wal_bytes: int
    process: int

    @property
    def identity(self) -> tuple[int, int]:
        """Which file it is, whatever is in it."""
        return self.device, self.inode


def read_stamp(path: Path) -> Stamp:
    """Look at the file without opening it.

    Raises:
        RecordingError: There is no regular file, or it is too small to be one of ours.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as reason:
        text = reason.strerror if isinstance(reason, OSError) else str(reason)
        raise RecordingError(
            f"The recording cannot be opened: {text}. At {str(path)!r}."
            " Check the path; `graphscope record` makes one."
        ) from None
    if not stat.S_ISREG(found.st_mode):
        raise not_a_recording(path, "it is a directory or device, not a file")
    if found.st_size < _MIN_BYTES:
        raise not_a_recording(path, f"it has only {found.st_size} bytes")
    return Stamp(
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        _size_of(path.with_name(path.name + "-wal")),
        os.getpid(),
    )


def check_length(path: Path, stamp: Stamp) -> None:
    """Refuse a file that was cut off, by the page count in its own header.

    Called where no step could be read: of a cut file all that is left is shown. Not
    while it is written: closing it here would give up the writer's locks, if that is
    in this process.

    Raises:
        RecordingError: The file ends before its last page, and no -wal file has it.
    """
    if path.with_name(path.name + "-wal").exists():
        return
    with path.open("rb") as file:
        start = file.read(_PAGES_AT + 4)
    page_bytes = int.from_bytes(start[_PAGE_BYTES_AT : _PAGE_BYTES_AT + 2])
    whole = int.from_bytes(start[_PAGES_AT:]) * (
        65536 if page_bytes == 1 else page_bytes
    )
    if stamp.size < whole:
        raise damaged(path, f"it ends after {stamp.size} of {whole} bytes")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def not_a_recording(path: Path, reason: str) -> RecordingError:
    """Return the error for a file that is something else."""
    return RecordingError(
        f"This is not a graphscope recording: {reason}. At {str(path)!r}."
        " Choose a .gscope file that `graphscope record` made."
    )


def damaged(path: Path, reason: object) -> RecordingError:
    """Return the error for a recording that cannot be read any more."""
    return RecordingError(
        f"The recording is damaged: {reason}. At {str(path)!r}."
        " Copy it again (with its -wal file, if there is one) or record again."
    )


@dataclass(slots=True)
class _Deadline:
    """Its own object, so that SQLite's handler does not keep a connection alive."""

    until: float = 0.0

    def is_over(self) -> bool:
        return monotonic() > self.until


class Connection:
    """A read-only connection that gives up after a deadline.

    Without a `-wal` file the database is opened as immutable: no locks, nothing is
    created beside it. With one, a process is writing or was killed, and SQLite needs
    (and may create) the `-shm` file beside it.
    """

    def __init__(self, path: Path, stamp: Stamp, *, salvage: bool = False) -> None:
        self.path = path
        self.stamp = stamp
        self._deadline = _Deadline()
        mode = "mode=ro" if stamp.wal_bytes else "mode=ro&immutable=1"
        uri = f"{path.as_uri()}?{mode}"
        self._db = sqlite3.connect(
            uri, uri=True, timeout=1.0, isolation_level=None, check_same_thread=False
        )
        self._finalizer = weakref.finalize(self, self._db.close)
        self._db.text_factory = bytes
        self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BLOB_BYTES)
        self._db.set_progress_handler(self._deadline.is_over, _CHECK_EVERY)
        for statement in _SAFE:
            self._db.execute(statement).fetchall()
        if salvage:
            # A database that is shorter than its header says is refused as a whole,
            # except under this setting, which changes nothing on a read-only one.
            self._db.execute("PRAGMA writable_schema=ON").fetchall()

    def rows(
        self, statement: str, parameters: Sequence[int] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, one by one.

        Raises:
            sqlite3.Error: The file is damaged, or the deadline has passed.
        """
        size = self.stamp.size + self.stamp.wal_bytes
        self._deadline.until = monotonic() + _DEADLINE_S + size / _BYTES_PER_S
        yield from self._db.execute(statement, parameters)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """In the block, read the file as it is at one moment, while another writes."""
        list(self.rows("BEGIN"))
        try:
            yield
        finally:
            if self._db.in_transaction:
                list(self.rows("ROLLBACK"))

    def start_of_body(self, row: int, size: int) -> bytes:
        """Return the first bytes of a step's body without reading the rest of it.

        Raises:
            sqlite3.Error: There is no such row, or the file is damaged.
        """
        with self._db.blobopen("step", "body", row, readonly=True) as body:
            return bytes(body.read(size))

    def number(self, pragma: str) -> Any:
        """Return the one number of a pragma, None when it has no rows."""
        return next((row[0] for row in self.rows(f"PRAGMA {pragma}")), None)

    def close(self) -> None:
        """Close it."""
        self._finalizer()


def check_ours(connection: Connection) -> None:
    """Refuse a database that is not exactly what `create_file` makes.

    Raises:
        RecordingError: Another application's, a newer version's, or with other or
            additional tables, columns, views, triggers or indexes.
        sqlite3.Error: It is damaged.
    """
    path = connection.path
    if connection.number("application_id") != APPLICATION_ID:
        raise not_a_recording(path, "it is another program's SQLite database")
    version = connection.number("user_version")
    if not isinstance(version, int) or version < 1:
        raise not_a_recording(path, f"it has version {version}")
    if version > SCHEMA_VERSION:
        raise RecordingError(
            f"A newer graphscope wrote this recording: it has version {version}, and"
            f" this one reads up to {SCHEMA_VERSION}. At {str(path)!r}."
            " Upgrade: pip install --upgrade graphscope-torch."
        )
    expected = {
        (b"table", name.encode(), name.encode(), statement.encode())
        for name, statement in TABLES.items()
    }
    found = list(_schema_rows(connection, len(expected)))
    if len(found) != len(expected) or set(found) != expected:
        raise not_a_recording(path, "its tables are not the ones of a recording")


def _schema_rows(connection: Connection, most: int) -> Iterator[tuple[Any, ...]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    for count, row in enumerate(connection.rows(query)):
        yield row
        if count > most:
            return


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the one kind that users see."""
    try:
        yield
    except sqlite3.Error as reason:
        code = getattr(reason, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            raise not_a_recording(path, "it is no SQLite database") from None
        if code == sqlite3.SQLITE_CANTOPEN:
            raise RecordingError(
                f"The recording cannot be opened: {reason}. At {str(path)!r}, which"
                " was not closed. Copy it and its -wal file to a folder that can be"
                " written, and open it there."
            ) from None
        if code == sqlite3.SQLITE_INTERRUPT:
            raise damaged(path, "reading it did not come to an end") from None
        raise damaged(path, reason) from None


def connect(path: Path) -> Connection:
    """Open and check the recording at `path` (a real path, links resolved).

    A file that was cut is opened too; then rows may be missing.

    Raises:
        RecordingError: It is not one, or cannot be read.
        sqlite3.Error: It is damaged.
    """
    stamp = read_stamp(path)
    try:
        return _checked(Connection(path, stamp))
    except sqlite3.DatabaseError as reason:
        if getattr(reason, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
    return _checked(Connection(path, stamp, salvage=True))


def _checked(connection: Connection) -> Connection:
    try:
        check_ours(connection)
    except BaseException:
        connection.close()
        raise
    return connection
