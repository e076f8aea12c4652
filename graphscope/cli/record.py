"""`graphscope record`: run an unmodified script and record what torch did."""

import tokenize
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from graphscope.cli.output import say
from graphscope.cli.sizes import format_size, read_size
from graphscope.errors import GraphscopeError
from graphscope.storage.schema import DEFAULT_MAX_BYTES

SUFFIX = ".gscope"


class RecordCommand(TyperCommand):
    """`record`, which knows why somebody gives it an option that it does not have."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; refuse an unknown option with the remedy."""
        own = args[: args.index("--")] if "--" in args else args
        known = {name for option in self.get_params(ctx) for name in option.opts}
        unknown = [name for name in own if is_unknown(name, known)]
        if unknown:
            ctx.fail(
                f"No such option: {unknown[0]}. The script's own options go after "
                "`--`: graphscope record SCRIPT -- OPTIONS"
            )
        return super().parse_args(ctx, args)


def is_unknown(argument: str, known: Collection[str]) -> bool:
    """Whether an argument looks like an option, but like none of `known`.

    >>> [is_unknown(a, {"-o", "--force"}) for a in ("-of", "--force=1", "--n", "-")]
    [False, False, True, False]
    """
    if argument.startswith("--"):
        return argument.partition("=")[0] not in known
    return argument[:1] == "-" and len(argument) > 1 and argument[:2] not in known


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
    max_bytes: Annotated[
        int,
        typer.Option(
            "--max-bytes",
            metavar="SIZE",
            parser=read_size,
            help="Disk budget, such as 500M or 2G. When it is reached, older steps are "
            "thinned evenly; the first, the newest and those with a NaN, an Inf, a gap "
            "or an exception stay. [default: 1G]",
            show_default=False,
        ),
    ] = DEFAULT_MAX_BYTES,
) -> None:
    """Run a script as Python does and record its training.

    The exit code is the script's own; so is the traceback when it raises, and what
    was recorded until then is complete.
    """
    from graphscope.session.ranks import path_of_rank

    target = path_of_rank(output or Path(f"{script.stem}{SUFFIX}"))
    check_script(script)
    check_output(target, overwrite=force)
    from graphscope.session import run_script

    code = run_script(
        script, arguments or [], target, overwrite=force, max_bytes=max_bytes
    )
    say(describe_recording(target, max_bytes=max_bytes))
    raise typer.Exit(code)


def describe_recording(target: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> str:
    """Say what the finished recording holds, and how to open it."""
    from graphscope.storage.file import open_recording

    with closing(open_recording(target)) as recording:
        count, thinned = len(recording), recording.thinned
    if not count:
        return f"Nothing was recorded in {target}: the script ran no torch operation."
    steps = "1 step" if count == 1 else f"{count} steps"
    if thinned:
        budget = format_size(max_bytes)
        steps += f" of {count + thinned} (older ones were thinned to keep to {budget})"
    return f"Recorded {steps} in {target}. Open it: graphscope view {target}"


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
