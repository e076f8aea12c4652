"""`graphscope why`: why a gradient is what it is, and how it came about."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graphscope.cli.check import Format, OutputFormat
from graphscope.cli.options import RecordingFile
from graphscope.cli.output import find_width, put, say
from graphscope.cli.steps import choose_step

if TYPE_CHECKING:
    from graphscope.model.trace import Recording, Trace
    from graphscope.session.answers import AnswerView

_GRAD: Final = ".grad"


def why(
    file: RecordingFile,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Whose gradient: a name of your code, such as w or fc1.weight.grad. "
            "Without it: which parameters of the model got none, and why.",
            show_default=False,
        ),
    ] = None,
    *,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="NAME",
            help="What it is the derivative of; prints the chain rule alone. "
            "[default: what backward started from]",
            show_default=False,
        ),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            "--step",
            metavar="N",
            help="Which step, counted from 0. [default: the first one in which "
            "something was found about NAME, else the last complete one]",
            show_default=False,
        ),
    ] = None,
    repro: Annotated[
        Path | None,
        typer.Option(
            "--repro",
            metavar="OUT.py",
            help="For a NaN or Inf: also write the smallest script that shows it "
            "again, with the recorded numbers.",
            show_default=False,
        ),
    ] = None,
    output: OutputFormat = Format.TEXT,
) -> None:
    """Explain a gradient: None, 0, NaN or large; with its chain rule.

    Says what it is, what is wrong with it, and where and why. Every factor of the chain
    rule is the local derivative of one autograd node. The sum of the paths is checked
    against autograd and against a finite difference of the recorded forward.
    """
    from graphscope.storage.file import open_recording

    with closing(open_recording(file)) as recording:
        if name is None and (of is not None or repro is not None):
            raise typer.BadParameter("Write NAME: whose gradient it is about.")
        if name is not None and of is not None:
            put(_derive(choose_step(recording, step), name, of))
            return
        view = _ask(recording, name, step)
        put(_to_json(file, view) if output is Format.JSON else _to_text(view))
        if repro is not None:
            view.save_script(repro)
            say(f"Wrote {repro}. See it again: python {repro}")


def _ask(recording: "Recording", name: str | None, step: int | None) -> "AnswerView":
    """Answer for the step that is asked about, or the one that tells most of a name."""
    from graphscope.session.answers import (
        ask_model,
        ask_why,
        choose_trace,
        find_findings,
    )

    trace = choose_step(recording, step)
    if name is None:
        return ask_model(trace)
    found = find_findings(recording)
    if step is None:
        trace = choose_trace(recording, name, found, trace)
    return ask_why(trace, name, recording, found)


def _derive(trace: "Trace", name: str, of: str) -> str:
    """Write the chain rule between two values."""
    from graphscope.render.text.chain import chain_lines
    from graphscope.session.chains import view_chain_rule

    ends = name.removesuffix(_GRAD), of.removesuffix(_GRAD)
    found = view_chain_rule(trace, *ends)
    return "\n".join(chain_lines(trace, found.rule, width=find_width()))


def _to_text(view: "AnswerView") -> str:
    from graphscope.session.answers import answer_lines

    return "\n".join(answer_lines(view, width=find_width()))


def _to_json(file: Path, view: "AnswerView") -> str:
    from graphscope.render.json_findings import answer_to_json

    return answer_to_json(view.answer, recording=str(file))
