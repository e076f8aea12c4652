"""Writes down what the server refused, in a file that cannot grow without end."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 64 * 1024
LONGEST_QUOTE: Final = 80

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
_PRIVATE: Final = 0o600
_LAST: Final = "The log is full: nothing more is written.\n"


class ControlLog:
    """The log of one server; a disk that is full loses lines, nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = LIMIT_BYTES - len(_LAST)
        self._is_full = False

    def write(self, text: str) -> None:
        """Add a line; what a peer has sent must have gone through `quote`."""
        if self._is_full:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = f"{time} {text}\n".encode(errors="replace")
        self._is_full = len(line) > self._left
        self._left -= len(line)
        with suppress(OSError):
            descriptor = os.open(self._path, _FLAGS, _PRIVATE)
            try:
                self._path.chmod(_PRIVATE)  # whatever the umask has left of it
                os.write(descriptor, _LAST.encode() if self._is_full else line)
            finally:
                os.close(descriptor)


def quote(thing: object) -> str:
    r"""Return the beginning of what `thing` looks like, on one line.

    >>> quote("a\nb")
    "'a\\nb'"
    """
    try:
        text = ascii(thing)
    except Exception:  # noqa: BLE001 - an error may have any `__repr__`
        text = type(thing).__name__
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."
