"""`graphscope demo`: run one of the lectures' examples and look at it."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from graphscope.cli.output import find_width, has_terminal, put, say
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import UnknownNameError
from graphscope.lectures.catalog import Example, Topic
from graphscope.lectures.shelf import Shelf, open_shelf
from graphscope.model.trace import Trace

DEFAULT: Final = "logistic-chain-rule"
PICTURES: Final = Path("graphscope-demo")


def demo(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help=f"Which example; with --list a topic. [default: {DEFAULT}]",
            show_default=False,
        ),
    ] = None,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="List the examples by topic and stop.")
    ] = False,
    gallery: Annotated[
        Path | None,
        typer.Option(
            "--gallery",
            metavar="DIR",
            help="Write one HTML page with every example's picture, code and numbers.",
            show_default=False,
        ),
    ] = None,
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
    """Run one of the lectures' examples: its picture, its numbers.

    In a terminal it opens the interface first. Without one (a pipe, CI, --no-ui) it
    prints everything and writes the pictures as SVG.
    """
    shelf = open_shelf()
    if listed:
        put(_list(_topics_of(shelf, name)))
        return
    if gallery is not None:
        _write_gallery(shelf, gallery, name)
        return
    chosen = shelf.find(name or DEFAULT)
    is_open = has_terminal() and not no_ui
    with _folder(out if is_open or out is not None else PICTURES) as folder:
        _run(shelf, chosen, folder, is_open=is_open)


def _topics_of(shelf: Shelf, name: str | None) -> list[Topic]:
    """Return one topic, or all.

    Raises:
        UnknownNameError: There is no such topic.
    """
    found = [topic for topic in shelf.topics if name in (None, topic.name)]
    if not found:
        names = ", ".join(topic.name for topic in shelf.topics)
        raise UnknownNameError(f"No topic is called {name!r}. The topics are: {names}.")
    return found


def _list(topics: list[Topic]) -> str:
    """Write the examples by topic; all ids share one column."""
    every = [example for topic in topics for example in topic.examples]
    width = max(len(example.id) for example in every)
    parts = [
        "\n".join(
            [
                f"{topic.name} · {topic.title}",
                *(f"  {e.id:<{width}}  {e.title}" for e in topic.examples),
            ]
        )
        for topic in topics
    ]
    return "\n\n".join(parts)


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="graphscope-") as folder:
        yield Path(folder)


def _run(shelf: Shelf, chosen: Example, folder: Path, *, is_open: bool) -> None:
    """Record an example, open it where there is a terminal, and print the lesson."""
    from graphscope.cli.lesson import can_draw, describe_lesson
    from graphscope.lectures.running import record_example

    say(f"{chosen.title}\n")
    run = record_example(chosen, folder / f"{chosen.id}.gscope")
    with closing(run.steps):
        if is_open and len(run.steps):
            _open(chosen, folder / f"{chosen.id}.gscope")
        lesson = describe_lesson(shelf, chosen, run, width=find_width())
        put(lesson)
        if not is_open and can_draw(run):
            _write_pictures(chosen, run.steps[0].trace, folder)


def _open(chosen: Example, file: Path) -> None:
    from graphscope.storage.file import open_recording
    from graphscope.tui.app import run_app
    from graphscope.tui.feed import Feed

    with closing(open_recording(file)) as recording:
        run_app(Feed(recording), title=f"{chosen.path.name} · {chosen.id}")


def _write_pictures(chosen: Example, trace: Trace, folder: Path) -> None:
    from graphscope.render.save import save_trace

    for style in Style:
        path = folder / f"{chosen.id}.{style.value}.svg"
        save_trace(trace, path, diagram_options=DiagramOptions(style=style))
        say(f"Wrote {path}")


def _write_gallery(shelf: Shelf, folder: Path, name: str | None) -> None:
    from graphscope.lectures.gallery import write_gallery

    topics = _topics_of(shelf, name)
    page = write_gallery(shelf, topics, folder, report=say)
    say(f"Wrote {page}")
