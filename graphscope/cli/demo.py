"""`graphscope demo`: run one of the lectures' examples and look at it."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from graphscope.cli.catalog import Demo, demos_folder, find_demo, read_demos
from graphscope.cli.output import find_width, has_terminal, put, say
from graphscope.cli.report import describe_numbers, describe_step, draw_step
from graphscope.cli.table import align
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import GraphscopeError

DEFAULT = "logistic_chain_rule"
PICTURES = Path("graphscope-demo")


def demo(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Which one; see --list."),
    ] = DEFAULT,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="List the demos and stop.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Keep the recording here, and write the pictures here. "
            "[default: without a terminal ./graphscope-demo]",
            show_default=False,
        ),
    ] = None,
    no_ui: Annotated[
        bool,
        typer.Option("--no-ui", help="Print and write pictures, also in a terminal."),
    ] = False,
) -> None:
    """Record one of the lectures' examples and open it.

    In a terminal it opens the interface. Without one (a pipe, CI, --no-ui) it prints
    the pictures and the numbers, and writes the pictures as SVG.
    """
    demos = read_demos(demos_folder())
    if listed:
        put(align([(found.name, found.title) for found in demos]))
        return
    chosen = find_demo(demos, name)
    if has_terminal() and not no_ui:
        with _folder(out) as folder:
            _open(chosen, folder)
    else:
        _print(chosen, out or PICTURES)


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="graphscope-") as folder:
        yield Path(folder)


def _record(chosen: Demo, folder: Path) -> Path:
    from graphscope.session import run_script

    file = folder / f"{chosen.name}.gscope"
    say(f"{chosen.title}\n{chosen.look_at}\n")
    if run_script(chosen.path, [], file, overwrite=True) != 0:
        raise GraphscopeError(f"The demo {chosen.name} failed; its traceback is above.")
    return file


def _open(chosen: Demo, folder: Path) -> None:
    from graphscope.storage.file import open_recording
    from graphscope.tui.app import run_app
    from graphscope.tui.feed import Feed

    with closing(open_recording(_record(chosen, folder))) as recording:
        run_app(Feed(recording), title=chosen.path.name)


def _print(chosen: Demo, folder: Path) -> None:
    from graphscope.render.save import save_trace
    from graphscope.storage.file import open_recording

    folder.mkdir(parents=True, exist_ok=True)
    with closing(open_recording(_record(chosen, folder))) as recording:
        first, numbers = recording[0], recording.numbers
    for style in Style:
        put(draw_step(first, DiagramOptions(style=style), width=find_width()) + "\n")
    put(f"{chosen.name} · {describe_step(first, numbers=numbers)}\n")
    put(describe_numbers(first, width=find_width()))
    for style in Style:
        path = folder / f"{chosen.name}.{style.value}.svg"
        save_trace(first, path, diagram_options=DiagramOptions(style=style))
        say(f"Wrote {path}")
