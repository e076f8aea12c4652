"""One step as text: heading, picture, table of numbers."""

from collections.abc import Sequence
from dataclasses import replace
from textwrap import fill
from typing import Final

from graphscope.analysis.phases import describe_run, find_runs
from graphscope.cli.legend import write_legend
from graphscope.cli.options import View
from graphscope.cli.table import to_table
from graphscope.diagram.labels import shorten, title_of
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import NotRecordedError
from graphscope.model.numbers import format_number
from graphscope.model.trace import Recording, Status, Trace
from graphscope.render.text.cells import clean
from graphscope.storage.numbering import describe_missing

_MAX_NAME: Final = 32
_MAX_PHASES: Final = 12


def describe_step(trace: Trace, *, numbers: Sequence[int]) -> str:
    """Write which step it is of which, its result, and how it ended.

    Args:
        trace: The step.
        numbers: The numbers of all steps of the recording.

    >>> from graphscope.model.graph import Graph
    >>> describe_step(Trace(Graph(), step=99), numbers=range(100))
    'step 99 (0 to 99)'
    >>> describe_step(Trace(Graph(), step=8), numbers=[0, 4, 8, 9])
    'step 8 (0 to 9, 6 of 10 missing)'
    """
    missing = describe_missing(numbers)
    span = f"{min(numbers)} to {max(numbers)}" if numbers else "none recorded"
    where = f"({span}, {missing})" if missing else f"({span})"
    parts = [f"step {trace.step} {where}", *_result(trace)]
    if trace.status is Status.OPEN:
        parts.append("no parameter was updated")
    if trace.status is Status.ABORTED:
        parts.append(f"ended by {clean(trace.error)}")
    return " · ".join(parts)


def describe_phases(trace: Trace, *, width: int) -> str:
    """Write the five numbered steps in the order in which they ran.

    The order tells where the gradients were zeroed: first, between loss and backward,
    or last. Nothing for a step without events.
    """
    runs = find_runs(trace.graph.events)
    texts = [describe_run(trace.graph, run) for run in runs]
    if len(texts) > _MAX_PHASES:
        texts = [*texts[:_MAX_PHASES], f"… {len(texts) - _MAX_PHASES} more"]
    return fill(" → ".join(texts), width, break_on_hyphens=False)


def describe_state(recording: Recording) -> list[str]:
    """Say whether a recording that was not closed is still being written."""
    if getattr(recording, "status", Status.COMPLETE) is not Status.OPEN:
        return []
    is_written = bool(getattr(recording, "is_written", False))
    return ["still being recorded" if is_written else "its process was killed"]


def _result(trace: Trace) -> list[str]:
    """Write what `Trace.loss` returns, by the user's own name for it."""
    for root in reversed(trace.graph.roots):
        seen = trace.value_of(root)
        number = seen.scalar if seen is not None else None
        if isinstance(number, int | float):
            name = clean(shorten(title_of(trace, root), _MAX_NAME))
            return [f"{name} {format_number(float(number))}"]
    return []


def draw_step(
    trace: Trace, options: DiagramOptions, *, width: int, view: View = View.AUTO
) -> str:
    """Draw a step with characters, with a legend below.

    The title says in which style.
    """
    from graphscope.diagram.build import build_diagram
    from graphscope.render.text import to_text

    diagram = build_diagram(trace, options)
    titled = replace(diagram, title=f"{diagram.title} · {options.style.value}")
    picture = to_text(titled, width=width, view=view.value)
    return f"{picture}\n\n{write_legend(diagram, picture)}"


def describe_numbers(trace: Trace, *, width: int | None = None) -> str:
    """Write the table of the numbers, and under it what could not be observed."""
    gaps = [f"not recorded: {clean(gap.reason)}" for gap in trace.graph.gaps]
    return "\n".join([to_table(trace, width=width), *dict.fromkeys(gaps)])


def write_summary(trace: Trace) -> str:
    """Write the table of the model's layers.

    Raises:
        NotRecordedError: No layer ran in the step.
    """
    from graphscope.analysis.summary import summarize_model

    summary = summarize_model(trace)
    if not summary.rows:
        raise NotRecordedError(str(summary))
    return str(summary)
