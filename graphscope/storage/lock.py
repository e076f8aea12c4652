"""Telling a recording that is being written from one whose writer was killed.

The writer holds a lock on the `-wal` file that ends with its process. Not on the
recording itself: whoever closes a file there gives up the locks that SQLite holds on
it for the same process.
"""

import os
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import fcntl
else:
    try:
        import fcntl
    except ImportError:  # Windows: nobody can tell
        fcntl = None

_HAS_LOCKS: Final = fcntl is not None
_PATIENCE_S: Final = 0.5


def hold_lock(path: Path) -> int | None:
    """Lock the log of the recording at `path`; return what to close, None if nothing.

    The lock belongs to the open file: a forked child must close it too.
    """
    try:
        file = os.open(_log(path), os.O_RDONLY)
    except OSError:
        return None
    until = monotonic() + _PATIENCE_S
    while not _try_lock(file, is_exclusive=True) and monotonic() < until:
        sleep(0.001)  # somebody is just looking
    return file


def is_locked(path: Path) -> bool:
    """Whether a process writes the recording at `path` right now."""
    try:
        file = os.open(_log(path), os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(file, is_exclusive=False)
    finally:
        os.close(file)


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _try_lock(file: int, *, is_exclusive: bool) -> bool:
    if not _HAS_LOCKS:
        return True
    try:
        kind = fcntl.LOCK_EX if is_exclusive else fcntl.LOCK_SH
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
