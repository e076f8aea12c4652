"""Options that several commands share, each described once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from graphscope.cli.sizes import read_size
from graphscope.diagram.model import Style
from graphscope.diagram.options import PathEnds


class View(StrEnum):
    """How a picture is laid out as text."""

    AUTO = "auto"  # boxes where they fit, else the rail
    BOXES = "boxes"  # boxes and arrows
    RAIL = "rail"  # one row for each operation, in the order in which they ran


RecordingFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A recording, as `graphscope record` writes it.",
        show_default=False,
    ),
]
StepNumber = Annotated[
    int | None,
    typer.Option(
        "--step",
        metavar="N",
        help="Which step, counted from 0. [default: the last complete one]",
        show_default=False,
    ),
]
PictureStyle = Annotated[
    Style,
    typer.Option(
        "--style",
        help="operations: every operation is a box. "
        "variables: every named value is a box, arrows carry local derivatives.",
    ),
]
Depth = Annotated[
    int | None,
    typer.Option(
        "--depth",
        metavar="D",
        min=0,
        help="Draw modules nested D deep as one box each; 0 joins whatever runs "
        "inside of submodules. Operations that the model's own forward calls stay "
        "boxes. [default: every operation, as far as 300 boxes go]",
        show_default=False,
    ),
]
Lecture = Annotated[
    bool,
    typer.Option(
        "--lecture",
        help="Draw as one box what a slide writes as one formula: x @ w.T + b and "
        "linear(x) alike. A line in it says what it is in torch.",
    ),
]

ModuleName = Annotated[
    str | None,
    typer.Option(
        "-m",
        metavar="MODULE",
        help="Run a module in place of a script, as `python -m` does. What follows are "
        "its arguments.",
        show_default=False,
    ),
]


def name_recording(default: str) -> Any:
    """Return the `-o` of a command that records; `default` says where without it."""
    return typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Where to write the recording. [default: {default}]",
        show_default=False,
    )


Force = Annotated[
    bool, typer.Option("--force", help="Overwrite an existing recording.")
]
DiskBudget = Annotated[
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
]

PathLeaf = Annotated[
    str | None,
    typer.Option(
        "--path",
        metavar="NAME",
        help="Mark the path of a gradient, back to NAME: a name of your code, such as "
        "w or fc1.weight.",
        show_default=False,
    ),
]
PathRoot = Annotated[
    str | None,
    typer.Option(
        "--of",
        metavar="NAME",
        help="With --path: what it is the gradient of. [default: what backward "
        "started from]",
        show_default=False,
    ),
]


def read_path(leaf: str | None, root: str | None) -> PathEnds | None:
    """Return the path that `--path` and `--of` ask for, None without.

    Raises:
        typer.BadParameter: There is an `--of` and no `--path`.
    """
    if leaf is None and root is not None:
        raise typer.BadParameter(
            "It says what a path begins at: add --path with the name of a parameter.",
            param_hint="--of",
        )
    return None if leaf is None else (leaf.removesuffix(".grad"), root)
