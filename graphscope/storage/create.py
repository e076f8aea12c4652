"""Making an empty recording on disk without ever damaging what is there.

Separate from the writer, because it runs before the writer's thread and is where a
path can be refused. The file is made under another name and appears under its own
name complete, so that a reader never sees half a recording.
"""

import os
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from graphscope.errors import RecordingError
from graphscope.storage.paths import side_files
from graphscope.storage.schema import (
    APPLICATION_ID,
    ENVIRONMENT_ROW,
    SCHEMA_VERSION,
    TABLES,
    encode_json,
    seal,
)

_MAGIC: Final = b"SQLite format 3\x00"
_APPLICATION_ID_AT: Final = 68

_IN_USE: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def create_file(
    path: Path, environment: Mapping[str, str], *, overwrite: bool = False
) -> None:
    """Make an empty recording at `path`.

    With `overwrite` a recording that is there is replaced, and nothing else ever is.

    Raises:
        RecordingError: The place is taken, or cannot be written.
    """
    _check_place(path, overwrite=overwrite)
    draft = path.with_name(f".gscope-{secrets.token_hex(8)}")
    try:
        _write_empty(draft, environment)
        if not overwrite:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        draft.replace(path)
    except FileExistsError:
        raise _taken(path) from None
    except (OSError, sqlite3.Error) as reason:
        raise RecordingError(
            f"The recording cannot be written: {reason}. In {str(path)!r}."
            " Choose another -o, or make room and write access there."
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _taken(path: Path) -> RecordingError:
    return RecordingError(
        f"A file exists already: {str(path)!r}."
        " Choose another -o, or ask for overwriting (overwrite=True)."
    )


def _check_place(path: Path, *, overwrite: bool) -> None:
    try:
        path.lstat()
        exists = True
    except FileNotFoundError:
        exists = False
    except (OSError, ValueError) as reason:
        raise RecordingError(
            f"The recording cannot be written: {reason}. In {str(path)!r}."
            " Choose another -o."
        ) from None
    if exists and not overwrite:
        raise _taken(path)
    if exists and not (path.is_file() and _has_our_mark(path)):
        raise RecordingError(
            f"Only recordings are overwritten, and this is none: {str(path)!r}."
            " Choose another -o."
        )
    if exists:
        _check_abandoned(path)
    beside = [name for name in side_files(path) if os.path.lexists(name)]
    if not beside:
        return
    if not overwrite:
        raise RecordingError(
            f"The rest of an earlier recording is in the way: {str(beside[0])!r}."
            " Delete it, choose another -o, or ask for overwriting."
        )
    _clear_side_files(path)


def _has_our_mark(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        start = file.read(_APPLICATION_ID_AT + 4)
        mark = start[_APPLICATION_ID_AT:]
        return start.startswith(_MAGIC) and mark == APPLICATION_ID.to_bytes(4)
    return False


def _check_abandoned(path: Path) -> None:
    """Refuse when another process still writes: SQLite can tell, its lock is held."""
    try:
        with closing(sqlite3.connect(path, timeout=0.2)) as old:
            old.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as reason:
        # The low byte: SQLITE_BUSY_RECOVERY and its kin say more in the others.
        if getattr(reason, "sqlite_errorcode", 0) & 0xFF in _IN_USE:
            raise RecordingError(
                f"Another process writes or reads this recording: {str(path)!r}."
                " Choose another -o, or end the other process."
            ) from None
    except sqlite3.Error:
        return  # damaged: there is nothing to save in it


def _clear_side_files(path: Path) -> None:
    """Remove what would otherwise be replayed into the new file."""
    for name in side_files(path):
        with suppress(FileNotFoundError):
            name.unlink()


def _write_empty(draft: Path, environment: Mapping[str, str]) -> None:
    body = seal("meta", ENVIRONMENT_ROW, encode_json(dict(environment)))
    with closing(sqlite3.connect(draft, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode=MEMORY")
        made.execute("BEGIN")
        made.execute(f"PRAGMA application_id={APPLICATION_ID}")
        made.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        for statement in TABLES.values():
            made.execute(statement)
        made.execute("INSERT INTO meta VALUES (?, ?)", (ENVIRONMENT_ROW, body))
        made.execute("COMMIT")
