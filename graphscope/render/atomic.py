"""Puts bytes into a file in one move, so that a failure leaves what was there."""

import os
import secrets
from pathlib import Path

from graphscope.errors import ExportError


def check_target(path: Path, what: str = "picture") -> None:
    """Find out early, before a minute of drawing, that `path` cannot be written.

    `what` says for the message what was to be saved.

    Raises:
        ExportError: The folder is missing, or `path` is something else than a file
            that may be written.
    """
    try:
        problem = _find_problem(path)
    except (OSError, ValueError) as error:
        raise _refuse(path, error, what) from error
    if problem:
        raise ExportError(f"The {what} was not saved: {problem}")


def replace_file(path: Path, data: bytes, what: str = "picture") -> None:
    """Put `data` into the file `path` in one move.

    Raises:
        ExportError: It cannot be written; what was there before is untouched.
    """
    try:
        target = path.resolve()  # a link stays one, what it points to is replaced
        draft = target.parent / f".graphscope-{secrets.token_hex(8)}"
        try:
            with draft.open("xb") as file:
                file.write(data)
            if target.exists():
                draft.chmod(target.stat().st_mode & 0o777)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise _refuse(path, error, what) from error


def _find_problem(path: Path) -> str:
    if not path.parent.is_dir():
        return (
            f"there is no folder {str(path.parent)!r}. "
            "Make it first, or choose another place."
        )
    if path.exists() and not path.is_file():
        return f"{str(path)!r} is not a file. Choose another name."
    if path.exists() and not os.access(path, os.W_OK):
        return f"{str(path)!r} is write-protected. Choose another name."
    return ""


def _refuse(path: Path, error: OSError | ValueError, what: str) -> ExportError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ExportError(
        f"The {what} was not saved: {str(path)!r} cannot be written ({reason}). "
        "Choose another place."
    )
