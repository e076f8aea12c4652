"""Removes the directory of a debugged process: files of ours, and nothing else."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from graphscope.debugger.control.info import (
    DRAFT_PREFIX,
    INFO_NAME,
    LOG_NAME,
    TOKEN_NAME,
)
from graphscope.debugger.control.places import SOCKET_NAME

_NAMES: Final = (INFO_NAME, SOCKET_NAME, TOKEN_NAME, LOG_NAME)


def remove_folder(folder: Path) -> None:
    """Remove `folder` when it holds nothing that somebody else has put there."""
    with suppress(OSError):
        drafts = folder.glob(f"{DRAFT_PREFIX}*")
        for path in (*(folder / name for name in _NAMES), *drafts):
            path.unlink(missing_ok=True)
        folder.rmdir()
