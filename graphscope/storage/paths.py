"""Names of files: the one behind links, and what SQLite puts beside it."""

import os
from pathlib import Path
from typing import Final

SIDE_SUFFIXES: Final = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database while it is written."""


def real_path(path: Path | str) -> Path:
    """Return `path` without symbolic links, as SQLite names its side files.

    A name that no file can have (a NUL in it) is returned as it is: opening refuses it
    with a message.
    """
    try:
        return Path(os.path.realpath(path))
    except ValueError:
        return Path(path)


def side_files(path: Path) -> list[Path]:
    """Return the names of SQLite's files beside `path`."""
    return [path.with_name(path.name + suffix) for suffix in SIDE_SUFFIXES]
