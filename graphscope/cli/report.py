"""One step as text: heading, picture, table of numbers."""

from dataclasses import replace

from graphscope.cli.options import View
from graphscope.cli.table import to_table
from graphscope.diagram.options import DiagramOptions
from graphscope.model.numbers import format_number
from graphscope.model.trace import Status, Trace
from graphscope.render.text.cells import clean


def describe_step(trace: Trace, *, count: int) -> str:
    """Write which step it is of how many, its loss, and how it ended.

    >>> from graphscope.model.graph import Graph
    >>> describe_step(Trace(Graph(), step=99), count=100)
    'step 99 (0 to 99)'
    """
    parts = [f"step {trace.step} (0 to {count - 1})"]
    loss = trace.loss()
    if loss is not None:
        parts.append(f"loss {format_number(loss)}")
    if trace.status is Status.OPEN:
        parts.append("no update ended it")
    if trace.status is Status.ABORTED:
        parts.append(f"ended by {clean(trace.error)}")
    return " · ".join(parts)


def draw_step(
    trace: Trace, options: DiagramOptions, *, width: int, view: View = View.AUTO
) -> str:
    """Draw a step with characters; the title says in which style."""
    from graphscope.diagram.build import build_diagram
    from graphscope.render.text import to_text

    diagram = build_diagram(trace, options)
    titled = replace(diagram, title=f"{diagram.title} · {options.style.value}")
    return to_text(titled, width=width, view=view.value)


def describe_numbers(trace: Trace) -> str:
    """Write the table of the numbers, and under it what could not be observed."""
    gaps = [f"not recorded: {clean(gap.reason)}" for gap in trace.graph.gaps]
    return "\n".join([to_table(trace), *dict.fromkeys(gaps)])
