"""The command `graphscope`: which commands there are, and how they fail."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from graphscope.cli.attach import attach
from graphscope.cli.check import check
from graphscope.cli.demo import demo
from graphscope.cli.export import export
from graphscope.cli.output import describe_failure, put, say
from graphscope.cli.record import RecordCommand, record
from graphscope.cli.run import run_debugged
from graphscope.cli.show import show
from graphscope.cli.view import view
from graphscope.cli.why import why
from graphscope.cli.words import RunCommand
from graphscope.errors import GraphscopeError
from graphscope.version import __version__


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        put(f"graphscope {__version__}")
        raise typer.Exit


def _describe(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and stop.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """See what autograd does: every operation, value and gradient of a training step.

    Start with `graphscope demo`.
    """


def build_app() -> typer.Typer:
    """Return the app with its commands, in the order of the help text."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_describe)
    app.command()(demo)
    app.command(cls=RecordCommand)(record)
    app.command("run", cls=RunCommand)(run_debugged)
    for command in (attach, view, show, why, check, export):
        app.command()(command)
    return app


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 1 an expected error (one message on stderr), 2 wrong usage,
    3 `check` has found something, 130 interrupted; `record` and `run` exit with the
    script's own code, `run` with 3 where `--until` has ended it.

    Raises:
        SystemExit: Always.
    """
    # Not `app(...)`: that replaces sys.excepthook, which belongs to recorded scripts.
    command = typer.main.get_command(build_app())
    chosen = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command(args=chosen, prog_name="graphscope")
    except (GraphscopeError, OSError) as error:
        say(f"graphscope: {describe_failure(error)}")
    sys.exit(1)
