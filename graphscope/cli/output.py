"""Where a command writes: data on stdout, talk on stderr."""

import os
import shutil
import sys
from typing import Final

import typer

from graphscope.render.escape import clean_text

PIPE_WIDTH: Final = 140


def put(text: str) -> None:
    """Write data to stdout, at once.

    A reader that went away (`graphscope show run.gscope | head`) has what it wanted:
    the command ends quietly. Characters that the terminal's encoding lacks become `?`.

    Raises:
        typer.Exit: Nobody reads stdout any more.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except BrokenPipeError:
        # Otherwise the interpreter flushes the broken pipe again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def say(text: str) -> None:
    """Write a message for the human to stderr; control characters do not get there."""
    text = "\n".join(clean_text(line) for line in text.splitlines())
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr)


def describe_failure(error: Exception) -> str:
    """Say what went wrong in one sentence: an error of ours, or the system's."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."


def find_width() -> int:
    """Return how many cells a line of stdout has; a pipe takes most pictures."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH


def has_terminal() -> bool:
    """Whether both stdin and stdout are a terminal, as an interface needs."""
    return sys.stdin.isatty() and sys.stdout.isatty()
