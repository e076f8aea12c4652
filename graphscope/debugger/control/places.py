"""Where the directories of debugged processes are: private to one user.

A directory that others could have made or may write to is never used: whoever owns
it could put a socket of their own into it.
"""

import os
import stat
import sys
from pathlib import Path
from typing import Final

from graphscope.errors import DebuggerError

OVERRIDE: Final = "GRAPHSCOPE_RUNTIME_DIR"
"""Environment variable with the directory to use in place of the usual ones."""
SOCKET_NAME: Final = "control.sock"

_NAME: Final = "graphscope"
_LONGEST_ADDRESS: Final = (
    107 if sys.platform == "linux" else 103
)  # bytes, in the kernel
_INSIDE: Final = len("/4194304-abcdefgh/") + len(SOCKET_NAME)  # of the longest number
_PRIVATE: Final = 0o700
_OTHERS: Final = 0o077
_SHARED_TEMP: Final = Path("/tmp")  # noqa: S108 - checked; TMPDIR differs between jobs


def list_roots() -> tuple[Path, ...]:
    """Return where directories of processes may be, the preferred one first.

    The last one is short enough for the name of a socket.
    """
    if sys.platform == "win32":
        import platformdirs

        given = os.environ.get(OVERRIDE)
        usual = platformdirs.user_runtime_path(_NAME, appauthor=False)
        return (Path(given) if given else usual,)
    given = os.environ.get(OVERRIDE)
    shared = _SHARED_TEMP / f"{_NAME}-{os.geteuid()}"
    if given:
        root = Path(given).absolute()
        return (root,) if is_short(root) else (root, shared)
    homes = [os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"]
    usable = [Path(home) / _NAME for home in homes if _is_private_home(home)]
    return (*dict.fromkeys(usable), shared)


def is_short(root: Path) -> bool:
    """Whether a socket in a directory in `root` can have a name."""
    return len(os.fsencode(root)) + _INSIDE <= _LONGEST_ADDRESS


def make_root(root: Path) -> None:
    """Make the directory `root` when it is missing, and check that it is private.

    Raises:
        DebuggerError: It is not, or cannot be made.
    """
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        try:
            root.mkdir(_PRIVATE)
            root.chmod(_PRIVATE)  # whatever the umask has left of it
        except FileExistsError:
            pass
        problem = find_problem(root)
    except (OSError, ValueError) as error:
        problem = f"it cannot be made ({error})"
    if problem:
        raise DebuggerError(
            f"The debugger's channel was not opened: {str(root)!r} is no private "
            f"directory: {problem}. Remove it, or set {OVERRIDE} to a directory that "
            "only you may read."
        )


def find_problem(root: Path) -> str:
    """Return why others could interfere in `root`; empty when they cannot.

    Raises:
        OSError: There is no such directory.
    """
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "it is a link or a file"
    if sys.platform == "win32":  # where the profile's own rights hold
        return ""
    if found.st_uid != os.geteuid():
        return "it belongs to somebody else"
    if found.st_mode & _OTHERS:
        return "others may use it"
    around = root.parent.stat().st_mode
    if around & stat.S_IWOTH and not around & stat.S_ISVTX:
        return "anybody may replace it"
    return ""


def is_private(root: Path) -> bool:
    """Whether `root` is a directory that only we can have written in."""
    try:
        return not find_problem(root)
    except OSError:
        return False


def _is_private_home(home: str) -> bool:
    """Whether a runtime directory is ours: after `su` it may be somebody else's."""
    if sys.platform == "win32" or not Path(home).is_absolute():
        return False
    try:
        found = Path(home).stat()
    except OSError:
        return False
    is_ours = found.st_uid == os.geteuid()
    return is_ours and not found.st_mode & _OTHERS
