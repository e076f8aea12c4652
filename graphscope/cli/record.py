"""`graphscope record`: run an unmodified script and record what torch did."""

import tokenize
from pathlib import Path
from typing import Annotated

import typer

from graphscope.cli.output import say
from graphscope.errors import GraphscopeError

SUFFIX = ".gscope"


def record(
    script: Annotated[
        Path,
        typer.Argument(
            metavar="SCRIPT", help="The Python script to run.", show_default=False
        ),
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARGS",
            help="Arguments for the script, after `--`.",
            show_default=False,
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write the recording. [default: the script's name with "
            ".gscope, here]",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite an existing recording.")
    ] = False,
) -> None:
    """Run a script as Python does and record its training.

    The exit code is the script's own; so is the traceback when it raises, and what
    was recorded until then is complete.
    """
    target = output or Path(f"{script.stem}{SUFFIX}")
    check_script(script)
    check_output(target, overwrite=force)
    from graphscope.session import run_script

    code = run_script(script, arguments or [], target, overwrite=force)
    if target.exists():
        say(f"Recorded in {target}. Open it: graphscope view {target}")
    raise typer.Exit(code)


def check_script(script: Path) -> None:
    """Refuse what Python could not run, before torch is paid for.

    Raises:
        GraphscopeError: There is no such file, or it is not Python.
    """
    if not script.exists():
        raise GraphscopeError(f"There is no file {script}. Nothing was recorded.")
    if not script.is_file():
        raise GraphscopeError(f"{script} is not a file. Give a Python script.")
    if not is_python(script):
        raise GraphscopeError(
            f"{script} is not a Python script: it must be text, and either end in "
            ".py or start with a #! line for Python. Nothing was recorded."
        )


def is_python(script: Path) -> bool:
    """Whether a file claims to be Python text; syntax errors are the script's own."""
    try:
        with tokenize.open(script) as lines:
            text = lines.read()
    except (SyntaxError, UnicodeDecodeError):
        return False
    first = text.partition("\n")[0]
    claims = script.suffix in {".py", ".pyw"}
    return "\0" not in text and (claims or (first[:2] == "#!" and "python" in first))


def check_output(output: Path, *, overwrite: bool) -> None:
    """Refuse an output that could not be written, before the script runs.

    Raises:
        GraphscopeError: Wrong suffix, no such folder, a folder, or it exists.
    """
    if output.suffix != SUFFIX:
        raise GraphscopeError(
            f"A recording ends in {SUFFIX}, {output} does not. Nothing was recorded."
        )
    if not output.parent.is_dir():
        raise GraphscopeError(
            f"There is no folder {output.parent} to write {output.name} into."
        )
    if output.is_dir():
        raise GraphscopeError(f"{output} is a folder. Choose another name with -o.")
    if output.exists() and not overwrite:
        raise GraphscopeError(
            f"{output} exists already; nothing was overwritten. "
            "Choose another name with -o, or overwrite it with --force."
        )
