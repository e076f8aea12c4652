"""`graphscope why`: how a gradient came about, factor by factor."""

from contextlib import closing
from typing import Annotated, Final

import typer

from graphscope.cli.options import RecordingFile, StepNumber
from graphscope.cli.output import find_width, put
from graphscope.cli.steps import choose_step

_GRAD: Final = ".grad"


def why(
    file: RecordingFile,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Whose gradient: a name of your code, such as w or fc1.weight.grad.",
            show_default=False,
        ),
    ],
    *,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="NAME",
            help="What it is the derivative of. [default: what backward started from]",
            show_default=False,
        ),
    ] = None,
    step: StepNumber = None,
) -> None:
    """Explain a gradient: the chain rule with its numbers.

    Every factor is the local derivative of one autograd node. The sum of the paths is
    checked against autograd and against a finite difference of the recorded forward.
    """
    from graphscope.render.text.chain import chain_lines
    from graphscope.session.chains import view_chain_rule
    from graphscope.storage.file import open_recording

    with closing(open_recording(file)) as recording:
        trace = choose_step(recording, step)
    found = view_chain_rule(
        trace, name.removesuffix(_GRAD), None if of is None else of.removesuffix(_GRAD)
    )
    put("\n".join(chain_lines(trace, found.rule, width=find_width())))
