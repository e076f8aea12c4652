"""`graphscope view`: the terminal interface over a recording."""

from contextlib import closing
from pathlib import Path

from graphscope.cli.options import RecordingFile
from graphscope.cli.output import has_terminal
from graphscope.errors import GraphscopeError


def view(file: RecordingFile) -> None:
    """Open a recording in the terminal, to step through it."""
    from graphscope.storage.file import open_recording

    with closing(open_recording(file)) as recording:
        check_terminal(file)
        from graphscope.tui.app import run_app
        from graphscope.tui.feed import Feed

        run_app(Feed(recording), title=file.name)


def check_terminal(file: Path) -> None:
    """Refuse to open an interface where nobody could see it.

    Raises:
        GraphscopeError: stdin or stdout is not a terminal.
    """
    if not has_terminal():
        raise GraphscopeError(
            "There is no terminal to open the recording in: stdin or stdout is not "
            f"one. Print it instead: graphscope show {file}"
        )
