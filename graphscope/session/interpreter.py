"""Starting python the way the user has started it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from graphscope.errors import CaptureError

_WITH_VALUE: Final = frozenset("WX")
_TARGETS: Final = frozenset("cm")  # nothing behind them is python's own
_LONG_WITH_VALUE: Final = "--check-hash-based-pycs"
_LAUNCHER: Final = Path(__file__).with_name("importlib_bootstrap.py")


def find_flags(arguments: Sequence[str]) -> list[str]:
    """Return python's own options of a command line, without the executable.

    >>> find_flags(["-u", "-Xdev", "-W", "error", "-Om", "graphscope", "run", "-x"])
    ['-u', '-Xdev', '-W', 'error', '-O']
    >>> find_flags(["-B", "train.py", "-O"])
    ['-B']
    """
    flags: list[str] = []
    waiting = iter(arguments)
    for word in waiting:
        if word == _LONG_WITH_VALUE:
            flags += [word, next(waiting, "default")]
        elif word.startswith("--") and word != "--":
            flags.append(word)
        elif len(word) < 2 or word[0] != "-" or word == "--":  # noqa: PLR2004
            break
        else:
            kept, is_open, is_last = _split(word)
            flags += kept
            if is_last:
                break
            if is_open:
                flags += [found for found in [next(waiting, None)] if found is not None]
    return flags


def _split(word: str) -> tuple[list[str], bool, bool]:
    """Return what to keep of a group such as `-Om`.

    Also whether its value is the next word, and whether it is the last group.
    """
    for index, letter in enumerate(word[1:], start=1):
        if letter in _TARGETS:
            return ([word[:index]] if index > 1 else []), False, True
        if letter in _WITH_VALUE:
            return [word], index == len(word) - 1, False
    return [word], False, False


def launch_command(order: str, words: Sequence[str]) -> list[str]:
    """Return the command that starts a process for a script.

    Args:
        order: What that process is told; see `graphscope.session.order`.
        words: What would stand behind `python`.

    Raises:
        CaptureError: It is not known which python this is.
    """
    if not sys.executable:
        raise CaptureError(
            "This python does not know its own path (sys.executable), so no script can "
            "be started with it. Start graphscope with the path of a python."
        )
    flags = find_flags(sys.orig_argv[1:])
    return [sys.executable, *flags, str(_LAUNCHER), order, *words]
