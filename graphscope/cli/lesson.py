"""An example as text: picture, numbers, chain rule, and the lecture's own numbers."""

from typing import Final

from graphscope.cli.report import (
    describe_numbers,
    describe_phases,
    describe_step,
    draw_step,
)
from graphscope.cli.table import align
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import GraphscopeError
from graphscope.lectures.catalog import Example
from graphscope.lectures.running import Run
from graphscope.lectures.shelf import Shelf
from graphscope.lectures.wording import compare_rows
from graphscope.model.graph import ValueKind
from graphscope.model.trace import Trace

_FEW_OPS: Final = 12
_FEW_PATHS: Final = 4


def describe_lesson(shelf: Shelf, example: Example, run: Run, *, width: int) -> str:
    """Write all that there is to see of an example that has run.

    Args:
        shelf: What is known of the examples.
        example: The one that ran.
        run: What it did.
        width: Cells in a line.
    """
    parts: list[str] = []
    if len(run.steps):
        first = run.steps[0].trace
        numbers = range(len(run.steps))
        style = choose_style(first)
        parts.append(draw_step(first, DiagramOptions(style=style), width=width))
        heading = f"{example.id} · {describe_step(first, numbers=numbers)}"
        parts.append(f"{heading}\n{describe_phases(first, width=width)}")
        parts.append(describe_numbers(first, width=width))
        parts += describe_chain(first, width=width)
    else:
        parts.append(f"{example.id} · no torch operation ran: there is no graph.")
    if run.printed.strip():
        parts.append(f"It prints:\n{run.printed.rstrip()}")
    if run.error:
        parts.append(f"It ended with {run.error}")
    parts += _describe_oracle(shelf, example, run, width=width)
    parts.append(f"Look at: {example.look_at}")
    return "\n\n".join(parts)


def choose_style(trace: Trace) -> Style:
    """Return the style in which lectures draw such a step.

    The chain rule of a few named values is drawn as variables, all else as operations.
    """
    is_small = len(trace.graph.ops) <= _FEW_OPS
    return Style.VARIABLES if trace.graph.roots and is_small else Style.OPERATIONS


def describe_chain(trace: Trace, *, width: int) -> list[str]:
    """Write the chain rule of the first parameter that got a gradient, if it is short.

    Returns:
        One part, or none where there is nothing short to write.
    """
    from graphscope.analysis.chain import find_chain_rule
    from graphscope.analysis.chain.model import Kind
    from graphscope.render.text.chain import chain_lines

    graph = trace.graph
    leaves = [
        value
        for value in graph.values
        if value.kind is ValueKind.PARAMETER and trace.arrivals(value.id)
    ]
    if not leaves or not graph.roots:
        return []
    try:
        rule = find_chain_rule(trace, leaves[0].id, graph.roots[-1])
    except GraphscopeError:
        return []
    if rule.kind is Kind.NORMS or rule.count > _FEW_PATHS:
        return []
    return ["\n".join(chain_lines(trace, rule, width=width))]


def _describe_oracle(
    shelf: Shelf, example: Example, run: Run, *, width: int
) -> list[str]:
    oracle = shelf.oracles.get(example.id)
    if oracle is None:
        return []
    rows = compare_rows(oracle, shelf.compare(example, run))
    where = f"Beside the lecture ({oracle.document}, line {oracle.line}):"
    parts = [f"{where}\n{align(rows, width=width)}"]
    return [*parts, f"Why they differ: {oracle.why}"] if oracle.why else parts
