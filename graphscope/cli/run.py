"""`graphscope run`: run an unmodified script under the debugger."""

import os
from contextlib import closing
from pathlib import Path
from traceback import format_exception_only
from typing import Annotated
from warnings import catch_warnings

import typer

from graphscope.cli.options import DiskBudget, Force, ModuleName, name_recording
from graphscope.cli.output import has_terminal, say
from graphscope.cli.record import check_output, check_target, choose_target
from graphscope.errors import DebuggerError, GraphscopeError
from graphscope.session.child import become_child
from graphscope.session.live_options import RESUME_AFTER_S, LiveOptions
from graphscope.session.order import INTERFACE, Order
from graphscope.session.ranks import find_rank, path_of_rank
from graphscope.session.target import ScriptTarget
from graphscope.storage.schema import DEFAULT_MAX_BYTES


def read_breakpoint(text: str) -> str:
    """Refuse a text that is no breakpoint, with a caret under what is wrong.

    Raises:
        typer.BadParameter: It is none.
    """
    from graphscope.debugger.breakpoints import parse_breakpoint

    try:
        parse_breakpoint(text)
    except DebuggerError as problem:
        raise typer.BadParameter(str(problem)) from None
    return text


def run_debugged(  # noqa: PLR0913 - one for each option
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCRIPT [ARGS]",
            help="The Python script to run, and its arguments.",
            show_default=False,
        ),
    ] = None,
    *,
    module: ModuleName = None,
    breakpoints: Annotated[
        list[str] | None,
        typer.Option(
            "--break",
            metavar="WHERE",
            parser=read_breakpoint,
            help="Pause here: an operation, module, variable, autograd node, phase or "
            "line, a condition, or both: fc1, train.py:41, 'b if grad.l2 > 1e3'. May "
            "be given again.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="WHERE",
            parser=read_breakpoint,
            help="Run until here, and pause once. With --headless the training ends "
            "there, with exit code 3.",
            show_default=False,
        ),
    ] = None,
    continues: Annotated[
        bool,
        typer.Option(
            "--continue",
            help="Do not pause at the first operation. So it is with --break and "
            "--until.",
        ),
    ] = False,
    headless: Annotated[
        bool,
        typer.Option(
            "--headless",
            help="Open no interface: stdin, stdout and stderr are the script's. "
            "`graphscope attach` debugs it from another terminal.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        name_recording(
            "the script's name with .gscope, here; replaced when `graphscope run` has "
            "made it for its interface"
        ),
    ] = None,
    force: Force = False,
    max_bytes: DiskBudget = DEFAULT_MAX_BYTES,
    resume_after: Annotated[
        float,
        typer.Option(
            "--resume-after",
            metavar="SECONDS",
            min=0,
            help="A paused script goes on by itself when its debugger has been gone "
            "for so long.",
        ),
    ] = RESUME_AFTER_S,
) -> None:
    """Run a script under the debugger: pause its training, step, look.

    Everything behind SCRIPT, or behind -m MODULE, is the script's own. It starts
    paused at its first operation; what it prints goes to a log beside the recording,
    and its stdin is empty. The exit code is the script's own, or 0 when it goes on
    without the debugger.
    """
    target = choose_target(words or [], module)
    check_target(target)
    live = LiveOptions(
        breakpoints=(*(breakpoints or ()), *([] if headless else find_saved(target))),
        until=until or "",
        stops=headless and until is not None,
        starts_paused=not (headless or breakpoints or until or continues),
        waits=not headless,
        interface_pid=0 if headless else os.getpid(),
        resume_after_s=resume_after,
    )
    recording = output or target.recording
    path = path_of_rank(recording)
    if not headless:
        check_terminal(target)
    may_replace = force or (output is None and is_replaceable(path))
    check_output(path, overwrite=may_replace)
    order = Order(target, recording, may_replace, max_bytes, live)
    if headless:
        become_child(order)
    check_syntax(target)
    from graphscope.cli.debugging import debug

    raise typer.Exit(debug(order))


def find_saved(target: ScriptTarget) -> list[str]:
    """Return the breakpoints that were kept from an earlier run, and are enabled."""
    from graphscope.debugger.saved import load_saved

    saved = load_saved(target.place)
    return [kept.text for kept in saved.breakpoints if kept.is_enabled]


def check_syntax(target: ScriptTarget) -> None:
    """Say in Python's words what is wrong with a script, before the interface opens.

    Raises:
        typer.Exit: It is no valid Python.
    """
    if target.is_module:
        return
    try:
        with catch_warnings(action="ignore"):  # the script's process will tell them
            compile(Path(target.name).read_bytes(), target.name, "exec")
    except SyntaxError as problem:
        say("".join(format_exception_only(problem)))
        raise typer.Exit(1) from None


def check_terminal(target: ScriptTarget) -> None:
    """Refuse to open an interface where nobody could see it.

    Raises:
        GraphscopeError: There is no terminal, or several processes share it.
    """
    remedy = f"graphscope run --headless {target.title} …"
    if not has_terminal():
        raise GraphscopeError(
            "There is no terminal to open the debugger in: stdin or stdout is not one. "
            f"Run the script without, and attach from a terminal: {remedy}"
        )
    if find_rank() is not None:
        raise GraphscopeError(
            "Several processes train together (RANK and WORLD_SIZE are set), and one "
            "terminal is not enough for all their debuggers. Run them without, and "
            f"attach to all at once from another terminal: {remedy}"
        )


def is_replaceable(path: Path) -> bool:
    """Whether a recording was made for the debugger's interface, and is over.

    Nobody has asked for that one to be kept.

    Raises:
        GraphscopeError: Its script still runs.
    """
    from graphscope.storage.file import open_recording

    if not path.is_file():
        return False
    try:
        recording = open_recording(path)
    except GraphscopeError:
        return False  # it is something else
    with closing(recording):
        if not recording.environment.get(INTERFACE):
            return False
        if recording.is_written:
            raise GraphscopeError(
                f"{path} is being recorded: its script still runs. Attach to it: "
                f"graphscope attach {path}. Or choose another name with -o."
            )
    return True
