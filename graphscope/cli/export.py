"""`graphscope export`: a recorded step as a picture or as data."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from graphscope.cli.options import (
    Depth,
    Lecture,
    PathLeaf,
    PathRoot,
    PictureStyle,
    RecordingFile,
    StepNumber,
    read_path,
)
from graphscope.cli.output import put
from graphscope.cli.steps import choose_step
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions


def export(  # noqa: PLR0913 - one for each option
    file: RecordingFile,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Where to write; the suffix decides the format: "
            ".svg .png .pdf .html .dot .mmd .graphml .json .txt.",
            show_default=False,
        ),
    ],
    step: StepNumber = None,
    style: PictureStyle = Style.OPERATIONS,
    depth: Depth = None,
    lecture: Lecture = False,
    path: PathLeaf = None,
    of: PathRoot = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="ENGINE",
            help="What lays the picture out: dot, wasm, builtin, or auto for the first "
            "of them that works here.",
        ),
    ] = "auto",
) -> None:
    """Write a recorded step as a picture or as data."""
    from graphscope.render.save import save_trace
    from graphscope.storage.file import open_recording

    ends = read_path(path, of)
    with closing(open_recording(file)) as recording:
        trace = choose_step(recording, step)
    options = DiagramOptions(style, depth, lecture=lecture, path=ends)
    save_trace(trace, output, diagram_options=options, engine=engine)
    put(str(output))
