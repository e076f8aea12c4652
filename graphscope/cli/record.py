"""`graphscope record`: run an unmodified script and record what torch did."""

import tokenize
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from graphscope.cli.options import DiskBudget, Force, ModuleName, name_recording
from graphscope.errors import GraphscopeError
from graphscope.session.child import become_child
from graphscope.session.order import Order
from graphscope.session.ranks import path_of_rank
from graphscope.session.target import ScriptTarget
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
        rest = super().parse_args(ctx, args)
        if ctx.params["script"] is None and ctx.params["module"] is None:
            ctx.fail("Missing argument 'SCRIPT'.")
        return rest


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
        str | None,
        typer.Argument(
            metavar="SCRIPT", help="The Python script to run.", show_default=False
        ),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARGS",
            help="Arguments for the script, after `--`.",
            show_default=False,
        ),
    ] = None,
    *,
    module: ModuleName = None,
    output: Annotated[
        Path | None, name_recording("the script's name with .gscope, here")
    ] = None,
    force: Force = False,
    max_bytes: DiskBudget = DEFAULT_MAX_BYTES,
) -> None:
    """Run a script as Python does and record its training.

    The exit code is the script's own; so is the traceback when it raises, and what
    was recorded until then is complete.
    """
    words = [word for word in (script, *(arguments or [])) if word is not None]
    target = choose_target(words, module)
    recording = output or target.recording
    check_target(target)
    check_output(path_of_rank(recording), overwrite=force)
    become_child(Order(target, recording, force, max_bytes))


def choose_target(words: Sequence[str], module: str | None) -> ScriptTarget:
    """Return what to run; with a module the first word is an argument already."""
    if module is not None:
        return ScriptTarget(module, words, is_module=True)
    return ScriptTarget(words[0], words[1:])


def check_target(target: ScriptTarget) -> None:
    """Refuse what Python could not run; a module is looked for by Python itself.

    Raises:
        GraphscopeError: There is no such file, or it is not Python.
    """
    if not target.is_module:
        check_script(Path(target.name))


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
