"""Breakpoints and watches of a script, kept from one run to the next.

One small JSON file for each script, named by its path: the folder tells nobody what is
debugged, and scripts of one name do not share it.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from platformdirs import user_state_path

from graphscope.debugger.breakpoints import parse_breakpoint
from graphscope.debugger.breakpoints.table import MAX_BREAKPOINTS
from graphscope.debugger.control.info import replace_private
from graphscope.debugger.expressions import parse_expression
from graphscope.debugger.watches import MAX_WATCHES
from graphscope.errors import DebuggerError

FOLDER_VARIABLE: Final = "GRAPHSCOPE_STATE_DIR"
"""Environment variable with the folder to use instead of the user's own."""
MAX_BYTES: Final = 1 << 20

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class SavedBreakpoint:
    """A breakpoint's text, and whether it pauses."""

    text: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Saved:
    """What is kept of a script.

    Attributes:
        breakpoints: In the order of their numbers.
        watches: Texts of the watched expressions.
        problem: What could not be read, and what became of it; empty when all could.
    """

    breakpoints: tuple[SavedBreakpoint, ...] = ()
    watches: tuple[str, ...] = ()
    problem: str = ""


def saved_path(script: Path) -> Path:
    """Return the file that is kept for `script`."""
    given = os.environ.get(FOLDER_VARIABLE)
    folder = Path(given) if given else user_state_path("graphscope")
    name = sha256(os.fsencode(os.path.realpath(script))).hexdigest()
    return folder / "debugger" / f"{name}.json"


def load_saved(script: Path) -> Saved:
    """Return what was kept of `script`; nothing, and why, when it cannot be read."""
    try:
        path = saved_path(script)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Saved()
    except (OSError, ValueError, RuntimeError) as error:
        return Saved(problem=f"The saved breakpoints cannot be read ({error}).")
    try:
        return _decode(data)
    except (ValueError, RecursionError) as error:
        return Saved(
            problem=f"The saved breakpoints are damaged ({error}) and were left out: "
            f"{path}"
        )


def store_saved(script: Path, saved: Saved) -> None:
    """Keep `saved` for the next run of `script`, in one move.

    Raises:
        DebuggerError: The file cannot be written; what was there is untouched.
    """
    try:
        path = saved_path(script)
        if not saved.breakpoints and not saved.watches:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_private(path, _encode(saved))
    except (OSError, ValueError, RuntimeError) as error:
        raise DebuggerError(
            f"The breakpoints were not saved for the next run: {error}. "
            f"Name another folder in {FOLDER_VARIABLE}."
        ) from error


def _encode(saved: Saved) -> bytes:
    data = {
        "format": _FORMAT,
        "breakpoints": [
            {"text": b.text, "is_enabled": b.is_enabled} for b in saved.breakpoints
        ],
        "watches": list(saved.watches),
    }
    return json.dumps(data, indent=1).encode()


def _decode(data: bytes) -> Saved:
    """Read a file's contents.

    Raises:
        ValueError: They are not what `_encode` writes.
    """
    if len(data) > MAX_BYTES:
        raise ValueError("too long")
    found = json.loads(data)
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise ValueError("not of this version's format")
    breakpoints = [
        SavedBreakpoint(_text(b["text"]), b["is_enabled"] is True)
        for b in _list(found, "breakpoints")
        if isinstance(b, dict) and b.keys() == {"text", "is_enabled"}
    ]
    watches = [_text(text) for text in _list(found, "watches")]
    good = [
        b for b in breakpoints[:MAX_BREAKPOINTS] if _is_read(parse_breakpoint, b.text)
    ]
    kept = [text for text in watches[:MAX_WATCHES] if _is_read(parse_expression, text)]
    lost = len(_list(found, "breakpoints")) + len(watches) - len(good) - len(kept)
    problem = f"{lost} of the saved breakpoints and watches cannot be read."
    return Saved(tuple(good), tuple(kept), problem if lost else "")


def _list(found: dict[str, Any], key: str) -> list[Any]:
    entries = found.get(key)
    if not isinstance(entries, list):
        raise ValueError(f"no list of {key}")  # noqa: TRY004 - damaged data, no bug
    return entries


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise ValueError("not a text")  # noqa: TRY004 - damaged data, no bug
    return found


def _is_read(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except DebuggerError:
        return False
    return True
