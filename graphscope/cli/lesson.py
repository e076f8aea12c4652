"""An example as text: picture, numbers, chain rule, and the lecture's own numbers."""

from graphscope.cli.report import (
    describe_numbers,
    describe_phases,
    describe_step,
    draw_step,
)
from graphscope.cli.table import align
from graphscope.cli.traps import write_traps
from graphscope.diagram.build import build_diagram
from graphscope.diagram.options import DiagramOptions
from graphscope.lectures.catalog import Example
from graphscope.lectures.lesson import choose_chain_rule, choose_style
from graphscope.lectures.running import Run
from graphscope.lectures.shelf import Shelf
from graphscope.lectures.wording import compare_rows
from graphscope.render.text.chain import chain_lines


def describe_lesson(shelf: Shelf, example: Example, run: Run, *, width: int) -> str:
    """Write all that there is to see of an example that has run.

    Args:
        shelf: What is known of the examples.
        example: The one that ran.
        run: What it did.
        width: Cells in a line.
    """
    parts: list[str] = []
    if can_draw(run):
        first = run.steps[0].trace
        numbers = range(len(run.steps))
        style = choose_style(first)
        parts.append(draw_step(first, DiagramOptions(style=style), width=width))
        heading = f"{example.id} · {describe_step(first, numbers=numbers)}"
        parts.append(f"{heading}\n{describe_phases(first, width=width)}")
        parts.append(describe_numbers(first, width=width))
        rule = choose_chain_rule(first)
        if rule is not None:
            parts.append("\n".join(chain_lines(first, rule, width=width)))
    else:
        parts.append(f"{example.id} · no torch operation ran: nothing to draw.")
    if run.printed.strip():
        parts.append(f"It prints:\n{run.printed.rstrip()}")
    if run.error:
        parts.append(f"It ended with {run.error}")
    traps = write_traps(run.steps.findings, width=width)
    parts += ["\n".join(traps)] if traps else []
    parts += _describe_oracle(shelf, example, run, width=width)
    parts.append(f"Look at: {example.look_at}")
    return "\n\n".join(parts)


def can_draw(run: Run) -> bool:
    """Whether the first step of an example has anything in its picture."""
    return len(run.steps) > 0 and bool(build_diagram(run.steps[0].trace).boxes)


def _describe_oracle(
    shelf: Shelf, example: Example, run: Run, *, width: int
) -> list[str]:
    oracle = shelf.oracles.get(example.id)
    if oracle is None:
        return []
    rows = compare_rows(oracle, shelf.compare(example, run))
    place = f"{oracle.document}, line {oracle.line}"
    where = f"Beside the lecture ({place}):"
    if not oracle.printed:
        where = f"Checked against torch; the lecture ({place}) prints no number here:"
    parts = [f"{where}\n{align(rows, width=width)}"]
    return [*parts, f"Why they differ: {oracle.why}"] if oracle.why else parts
