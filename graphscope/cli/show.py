"""`graphscope show`: a recorded step as text on stdout."""

from contextlib import closing
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
    View,
    read_path,
)
from graphscope.cli.output import find_width, put, say
from graphscope.cli.report import (
    describe_numbers,
    describe_phases,
    describe_state,
    describe_step,
    draw_step,
    write_summary,
)
from graphscope.cli.steps import choose_step
from graphscope.diagram.highlight import resolve_ends
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions, PathEnds
from graphscope.model.trace import Trace
from graphscope.render.text.cells import cell_width


def show(  # noqa: PLR0913 - one for each option
    file: RecordingFile,
    *,
    step: StepNumber = None,
    style: PictureStyle = Style.OPERATIONS,
    depth: Depth = None,
    lecture: Lecture = False,
    path: PathLeaf = None,
    of: PathRoot = None,
    view: Annotated[
        View,
        typer.Option(
            "--view",
            help="boxes: boxes and arrows. rail: one row for each operation. "
            "auto: boxes where they fit.",
        ),
    ] = View.AUTO,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary",
            help="Print the model's layers instead: output shapes and parameter "
            "counts, as torchsummary does.",
        ),
    ] = False,
) -> None:
    """Print a recorded step: its picture and its numbers."""
    from graphscope.cli.traps import describe_traps
    from graphscope.storage.file import open_recording

    ends = read_path(path, of)
    with closing(open_recording(file)) as recording:
        trace, numbers = choose_step(recording, step), recording.numbers
        state, width = describe_state(recording), find_width()
        traps = "" if summary else describe_traps(recording, trace, width=width)
    if summary:
        put(write_summary(trace))
        return
    options = DiagramOptions(style, depth, lecture=lecture, path=ends)
    picture = draw_step(trace, options, view=view, width=width)
    if view is View.BOXES:
        warn_if_wide(picture, width)
    put(f"{picture}\n")
    about = [file.name, describe_step(trace, numbers=numbers), *state]
    put(" · ".join(about))
    put(f"{describe_phases(trace, width=width)}\n")
    put(describe_numbers(trace, width=width))
    if ends is not None:
        put(f"\n{_describe_path(trace, ends, width=width)}")
    if traps:
        put(f"\n{traps}")


def _describe_path(trace: Trace, ends: PathEnds, *, width: int) -> str:
    """Write the chain rule along the path that the picture marks."""
    from graphscope.analysis.chain import find_chain_rule
    from graphscope.render.text.chain import chain_lines

    rule = find_chain_rule(trace, *resolve_ends(trace, ends))
    return "\n".join(chain_lines(trace, rule, width=width))


def warn_if_wide(picture: str, width: int) -> None:
    """Say what helps when boxes that were asked for are wider than a line."""
    widest = max(map(cell_width, picture.splitlines()), default=0)
    if widest > width:
        say(
            f"graphscope: The picture is {widest} columns wide, more than {width}. "
            "Take --view rail or --depth 1, or draw it with `graphscope export`."
        )
