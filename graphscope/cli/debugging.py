"""The terminal UI over a script's process, and what becomes of it afterwards."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from graphscope.cli.output import say
from graphscope.errors import GraphscopeError
from graphscope.session.child import Child, log_of, start_child
from graphscope.session.endings import describe_recording
from graphscope.session.order import Order

if TYPE_CHECKING:
    from graphscope.tui.live.outcome import Outcome

_ENDING_S: Final = 5.0  # that a script may take to end when its training has
_SIGNAL: Final = 128  # what a shell adds to the number of the signal that killed
_TAIL_LINES: Final = 25


def debug(order: Order) -> int:
    """Run a script under the debugger's interface; return the exit code.

    Raises:
        OSError: The script's log cannot be written.
    """
    from graphscope.session.launch import launch_of_pid
    from graphscope.tui.live.app import run_live

    log = log_of(order.output)
    child = start_child(order)
    outcome: Outcome | None = None
    try:
        outcome = run_live(
            launch_of_pid(child.pid),
            title=order.target.title,
            child=child,
            log=log,
            script=order.target.place,
        )
    finally:
        if outcome is None:  # the interface has failed: the training must not
            say(_describe_going_on(order, child, log))
            child.let_go()
    return _finish(order, child, log, outcome)


def _finish(order: Order, child: Child, log: Path, outcome: "Outcome") -> int:
    """Say what has become of the script, and return what the command exits with."""
    if outcome == "stopped":
        _end(child, order.target.title)
    if outcome in {"stopped", "ended"}:
        child.wait(_ENDING_S)
    code = child.poll()
    if code is None:
        say(_describe_going_on(order, child, log))
        child.let_go()
        return 0
    if code and outcome != "stopped":  # why, the interface has shown: it is gone
        for line in _read_tail(log):
            say(line)
    say(f"{order.target.title} has ended: {child.describe_end()}. Its output: {log}")
    with suppress(GraphscopeError):
        say(describe_recording(order.output, max_bytes=order.max_bytes))
    return code if code >= 0 else _SIGNAL - code


def _end(child: Child, title: str) -> None:
    """Wait for the end that was asked for; a script that does not listen is ended."""
    if child.wait(_ENDING_S) is not None:
        return
    say(f"{title} is not at an operation where it could stop: interrupting it.")
    while child.poll() is None:
        child.stop()
        child.wait(1.0)


def _describe_going_on(order: Order, child: Child, log: Path) -> str:
    return (
        f"{order.target.title} goes on in process {child.pid}. Attach again: "
        f"graphscope attach {child.pid}. Its output: {log}"
    )


def _read_tail(log: Path) -> list[str]:
    """Return the last lines of a script's output: where its traceback is."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-_TAIL_LINES:]
