"""Finds the processes of this user that can be attached to."""

import os
import platform
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import time
from typing import Final

from graphscope.debugger.control.folders import remove_folder
from graphscope.debugger.control.info import SessionInfo, Transport, read_info
from graphscope.debugger.control.places import is_private, list_roots
from graphscope.debugger.control.processes import find_start, is_running
from graphscope.errors import DebuggerError

_PROBE_S: Final = 1.0
_BEGINNING_S: Final = 60.0  # a directory without `session.json` may be a new one
_REFUSALS: Final = (ConnectionRefusedError, FileNotFoundError)


def list_sessions() -> tuple[SessionInfo, ...]:
    """Return the processes that can be attached to, in the order of their ids.

    What processes have left behind that were killed is removed on the way.
    """
    found = [
        info
        for root in list_roots()
        if is_private(root)
        for folder in _list_folders(root)
        if (info := _look_into(folder)) is not None
    ]
    return tuple(sorted(found, key=lambda info: (info.pid, info.script)))


def find_session(
    *, pid: int | None = None, recording: Path | str | None = None
) -> SessionInfo:
    """Return the process with the number `pid`, or that writes `recording`.

    Without either, the only process that there is.

    Raises:
        DebuggerError: There is none, or more than one.
    """
    sessions = list_sessions()
    if pid is not None:
        wanted = f"process {pid}"
        fitting = [info for info in sessions if info.pid == pid]
    elif recording is not None:
        wanted = f"a process that writes {str(recording)!r}"
        fitting = [info for info in sessions if _writes(info, recording)]
    else:
        wanted = "a process to attach to"
        fitting = list(sessions)
    if len(fitting) == 1:
        return fitting[0]
    raise _refuse(wanted, fitting, sessions)


def describe(info: SessionInfo) -> str:
    """Return a process on one line, without anything that moves a cursor."""
    parts = [str(info.pid), info.script, info.rank and f"rank {info.rank}"]
    text = "  ".join(part for part in [*parts, info.recording] if part)
    return "".join(char if char.isprintable() else "�" for char in text)


def _list_folders(root: Path) -> list[Path]:
    try:
        return [folder for folder in root.iterdir() if is_private(folder)]
    except OSError:
        return []


def _look_into(folder: Path) -> SessionInfo | None:
    info = read_info(folder)
    if info is None:
        _remove_abandoned(folder)
        return None
    is_here = info.host == platform.node()
    if is_here and is_running(info.pid, info.started):
        return info
    try:
        _probe(info)
    except _REFUSALS:
        if is_here:
            remove_folder(folder)
        return None
    except BlockingIOError:  # others wait there as well
        return info
    except OSError:
        return None
    # A port may be somebody else's by now. A socket is the process's own: in another
    # container, say, where it has another number.
    return info if info.transport is Transport.UNIX else None


def _remove_abandoned(folder: Path) -> None:
    """Remove a directory whose process was killed before it could tell of itself."""
    number = folder.name.partition("-")[0]
    try:
        age_s = time() - folder.stat().st_mtime
    except OSError:
        return
    is_old = age_s > _BEGINNING_S
    if is_old and number.isdecimal() and find_start(int(number)) is None:
        remove_folder(folder)


def _probe(info: SessionInfo) -> None:
    with closing(info.open_socket()) as probe:
        probe.settimeout(_PROBE_S)
        probe.connect(info.address)


def _writes(info: SessionInfo, recording: Path | str) -> bool:
    if not info.recording:
        return False
    return os.path.realpath(info.recording) == os.path.realpath(recording)


def _refuse(
    wanted: str, fitting: Sequence[SessionInfo], sessions: Sequence[SessionInfo]
) -> DebuggerError:
    if fitting:
        listed = "\n".join(f"  {describe(info)}" for info in fitting)
        return DebuggerError(
            f"More than one process fits:\n{listed}\nName one by its number."
        )
    if sessions:
        listed = "\n".join(f"  {describe(info)}" for info in sessions)
        return DebuggerError(
            f"There is no {wanted.removeprefix('a ')}. Processes that can be attached "
            f"to:\n{listed}\nName one of them by its number."
        )
    return DebuggerError(
        f"There is no {wanted.removeprefix('a ')}, nor any other that can be attached "
        "to. Start one with `graphscope run --headless`, or call `gs.serve()` in a "
        "script."
    )
