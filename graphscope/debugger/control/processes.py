"""Tells a process that still runs from another one that has its number now."""

import os
import sys
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_STATE, _START = 0, 19  # fields behind the name in /proc/PID/stat: see proc(5)
_DEAD: Final = frozenset("ZXx")  # has ended, and its parent has not asked yet
_PATIENCE_S: Final = 3.0


def find_start(pid: int) -> str | None:
    """Return what differs between two processes that had the number `pid`.

    None when there is no such process. Empty when nobody can tell when it began.
    """
    if sys.platform == "win32":
        return _ask_windows(pid)
    if (_PROC / "self" / "stat").exists():
        return _ask_proc(pid)
    return _ask_ps(pid) if _is_there(pid) else None


def is_running(pid: int, start: str) -> bool:
    """Whether the process that had the number `pid` and began at `start` still runs."""
    found = find_start(pid)
    return found is not None and (not found or not start or found == start)


def _ask_proc(pid: int) -> str | None:
    try:
        line = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = line.rpartition(b")")[2].split()  # the name may hold anything
    if len(fields) <= _START or fields[_STATE].decode() in _DEAD:
        return None
    return fields[_START].decode()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _ask_ps(pid: int) -> str:
    import subprocess  # only where there is no /proc

    try:
        answer = subprocess.run(  # noqa: S603
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
            env={"LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace").strip()


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _QUERY_LIMITED: Final = 0x1000
    _STILL_ACTIVE: Final = 259

    def _ask_windows(pid: int) -> str | None:
        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = wintypes.HANDLE
        handle = kernel.OpenProcess(_QUERY_LIMITED, False, pid)
        if not handle:
            return None
        try:
            code = wintypes.DWORD()
            kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
            if code.value != _STILL_ACTIVE:
                return None
            times = [wintypes.FILETIME() for _ in range(4)]
            kernel.GetProcessTimes(
                wintypes.HANDLE(handle), *[ctypes.byref(time) for time in times]
            )
            return str(times[0].dwHighDateTime << 32 | times[0].dwLowDateTime)
        finally:
            kernel.CloseHandle(wintypes.HANDLE(handle))
