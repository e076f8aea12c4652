"""Keeps what libraries write in C from tearing the screen.

Textual draws through `sys.__stderr__`, and catches what Python prints. A warning that
C code writes to file descriptor 1 or 2 would land in the middle of the picture: while
the UI runs both lead into a temporary file, and Textual gets a copy of the terminal.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_STDOUT: Final = 1
_STDERR: Final = 2
_SHOWN_BYTES: Final = 64 * 1024


@contextmanager
def guard_descriptors() -> Iterator[None]:
    """Divert descriptors 1 and 2; on exit restore them and repeat what was written."""
    _flush()
    streams = sys.__stdout__, sys.__stderr__
    saved = os.dup(_STDOUT), os.dup(_STDERR)
    # `shutil.get_terminal_size` asks `sys.__stdout__`, so both must be the terminal.
    terminal = _open_terminal()
    with tempfile.TemporaryFile() as log:
        sys.__stdout__ = sys.__stderr__ = terminal  # type: ignore[misc]
        os.dup2(log.fileno(), _STDOUT)
        os.dup2(log.fileno(), _STDERR)
        try:
            yield
        finally:
            _flush()
            os.dup2(saved[0], _STDOUT)
            os.dup2(saved[1], _STDERR)
            for descriptor in saved:
                os.close(descriptor)
            sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]
            terminal.close()
            log.seek(0)
            _repeat(log.read(_SHOWN_BYTES))


def _open_terminal() -> io.TextIOWrapper:
    """Return a stream to the terminal, also when stderr alone leads elsewhere."""
    found = next((fd for fd in (_STDERR, _STDOUT) if os.isatty(fd)), _STDERR)
    raw = os.fdopen(os.dup(found), "wb", 0)
    return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()


def _repeat(written: bytes) -> None:
    while written:
        with suppress(OSError):
            written = written[os.write(_STDERR, written) :]
            continue
        return
