"""`graphscope attach`: the debugger's interface over a script that runs elsewhere."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphscope.cli.output import find_width, has_terminal, put, say
from graphscope.errors import DebuggerError, GraphscopeError

if TYPE_CHECKING:
    from graphscope.debugger.control import SessionInfo
    from graphscope.debugger.state import SeatState

_NONE = (
    "No script can be attached to. Start one with `graphscope run --headless SCRIPT`, "
    "or call `gs.serve()` in it. It can be attached to when it has imported torch."
)


def attach(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="PID|FILE",
            help="The process, or the recording that it writes. [default: the only "
            "one]",
            show_default=False,
        ),
    ] = None,
    *,
    listed: Annotated[
        bool,
        typer.Option("--list", help="List the scripts to attach to, and stop."),
    ] = False,
) -> None:
    """Open the debugger over a script that runs already.

    It was started by `graphscope run`, or has called `gs.serve()`. Closing the
    interface leaves it running.
    """
    if listed:
        put(to_table(_find_all()))
        return
    info = find_process(which)
    if not has_terminal():
        raise GraphscopeError(
            "There is no terminal to open the debugger in: stdin or stdout is not one. "
            "List the scripts in place of it: graphscope attach --list"
        )
    _open(info)


def find_process(which: str | None) -> "SessionInfo":
    """Return the process that is meant: of several that train together the first.

    Raises:
        GraphscopeError: There is none, or more than one launch.
    """
    from graphscope.debugger.control import find_session
    from graphscope.session.launch import trains_with

    if which is not None and which.isdecimal():
        return find_session(pid=int(which))
    if which is not None:
        return _find_writer(Path(which))
    sessions = _find_all()
    if not all(trains_with(sessions[0], info) for info in sessions):
        raise DebuggerError(
            f"Several scripts can be attached to:\n{to_table(sessions)}\n"
            "Name one by its number, such as: graphscope attach "
            f"{sessions[0].pid}"
        )
    return sessions[0]


def _find_writer(recording: Path) -> "SessionInfo":
    from graphscope.debugger.control import find_session

    try:
        return find_session(recording=recording)
    except DebuggerError:
        if not recording.exists():
            raise GraphscopeError(
                f"There is no recording {recording}. Give a process id or the file "
                "that a script records to; graphscope attach --list shows both."
            ) from None
        if is_over(recording):
            raise GraphscopeError(
                f"No script writes {recording} any more. Open it: graphscope view "
                f"{recording}"
            ) from None
        raise


def is_over(recording: Path) -> bool:
    """Whether nobody writes a recording.

    Raises:
        RecordingError: It is none.
    """
    from graphscope.storage.file import open_recording

    with closing(open_recording(recording)) as found:
        return not found.is_written


def _find_all() -> Sequence["SessionInfo"]:
    """Return all processes that can be attached to.

    Raises:
        DebuggerError: There is none.
    """
    from graphscope.debugger.control import list_sessions

    sessions = list_sessions()
    if not sessions:
        raise DebuggerError(_NONE)
    return sessions


def to_table(sessions: Sequence["SessionInfo"]) -> str:
    """Write a row for each process, with what it does at this moment."""
    from graphscope.cli.table import align
    from graphscope.render.text.cells import clean

    heading = ("pid", "script", "rank", "state", "recording")
    rows = [
        (str(i.pid), i.script, i.rank or "–", _ask_state(i), i.recording or "–")
        for i in sessions
    ]
    cleaned = [tuple(clean(cell) for cell in row) for row in rows]
    width = find_width() if sys.stdout.isatty() else None  # a pipe gets whole paths
    return align([heading, *cleaned], width=width)


def _ask_state(info: "SessionInfo") -> str:
    """Ask a process what it does, as somebody who only looks."""
    from graphscope.debugger.control import ControlClient

    try:
        client = ControlClient(
            info, on_state=lambda _: None, on_lost=lambda _: None, wants_control=False
        )
    except DebuggerError:
        return "does not answer"
    with closing(client):
        state = client.state
    if state.ending:
        return state.ending
    return ", ".join(map(_describe_seat, state.seats)) or "starting"


def _describe_seat(seat: "SeatState") -> str:
    """Say what a thread does, and where it stands still.

    >>> from graphscope.debugger.state import Activity, SeatState
    >>> _describe_seat(SeatState(0, "", "", Activity.RUNNING, step=7, site="a.py:3"))
    'running in step 7'
    >>> _describe_seat(SeatState(0, "", "", Activity.PAUSED, step=7, site="a.py:3"))
    'paused in step 7 at a.py:3'
    """
    from graphscope.debugger.state import Activity

    place = seat.site if seat.activity is Activity.PAUSED else seat.waits_in
    return f"{seat.activity.value} in step {seat.step}" + (f" at {place}" * bool(place))


def _open(info: "SessionInfo") -> None:
    from graphscope.session.child import log_of
    from graphscope.session.launch import launch_of
    from graphscope.tui.live.app import run_live

    recording = Path(info.recording)
    log = log_of(recording)
    outcome = run_live(
        launch_of(info),
        title=info.script,
        log=log if log.is_file() else None,
        script=find_script(info),
    )
    if outcome == "ended":
        say(f"{info.script} has ended. Open its recording: graphscope view {recording}")
    elif outcome == "stopped":
        say(f"{info.script} was asked to stop. Its recording: {recording}")
    else:
        say(
            f"{info.script} goes on in process {info.pid}. Attach again: graphscope "
            f"attach {info.pid}"
        )


def find_script(info: "SessionInfo") -> Path:
    """Return the script's path; it was typed in a folder that the recording knows."""
    from graphscope.storage.file import open_recording

    folder = Path(info.recording).parent
    try:
        with closing(open_recording(Path(info.recording))) as recording:
            folder = Path(recording.environment.get("folder", folder))
    except (GraphscopeError, OSError):
        pass
    return folder / info.script
