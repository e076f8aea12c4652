"""From one recorded step to the picture of it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from graphscope.diagram.draft import Draft
from graphscope.diagram.fitting import fit
from graphscope.diagram.highlight import find_highlight, resolve_ends
from graphscope.diagram.labels import derivative, root_name, title_of
from graphscope.diagram.lecture import draw_folds, find_folds, fold_ops
from graphscope.diagram.marking import mark_path
from graphscope.diagram.model import Diagram, Style
from graphscope.diagram.operations import draft_operations
from graphscope.diagram.options import DiagramOptions, PathEnds
from graphscope.diagram.selection import select
from graphscope.diagram.traps import describe_trap, mark_traps
from graphscope.diagram.variables import draft_variables
from graphscope.model.graph import OpKind
from graphscope.model.trace import Status, Trace

_DEFAULTS: Final = DiagramOptions()
_SHOWN_GAPS: Final = 3


def build_diagram(trace: Trace, options: DiagramOptions = _DEFAULTS) -> Diagram:
    """Draw one step.

    The result has at most `options.max_boxes` boxes and no cycle.

    Raises:
        StepRangeError: The step has no pass `options.pass_index`.
        UnknownNameError: An end of `options.path` is not in the step.
        NotRecordedError: No gradient flowed between the ends of `options.path`.
    """
    return next(build_diagrams(trace, options, [options.path]))


def build_diagrams(
    trace: Trace, options: DiagramOptions, paths: Iterable[PathEnds | None]
) -> Iterator[Diagram]:
    """Draw one step once for each path, with that path marked.

    All of them have the same boxes and arrows in the same order.

    Raises:
        StepRangeError: The step has no pass `options.pass_index`.
        UnknownNameError: An end of a path is not in the step.
        NotRecordedError: No gradient flowed between the ends of a path.
    """
    from graphscope.analysis.findings import find_in_step

    selection = select(trace, pass_index=options.pass_index)
    is_variables = options.style is Style.VARIABLES
    folds = find_folds(selection) if options.lecture else ()
    selection = fold_ops(selection, folds)
    draft = draft_variables(selection) if is_variables else draft_operations(selection)
    draft = draw_folds(draft, selection, folds)
    traps = find_in_step(trace)
    for path in paths:
        marked = draft if path is None else _mark(draft, trace, path, options.style)
        fitted, notes = fit(marked, selection, options)
        yield Diagram(
            title=title_step(trace, replace(options, path=path)),
            style=options.style,
            boxes=mark_traps(fitted.boxes, traps),
            arrows=fitted.arrows,
            notes=(*map(describe_trap, traps), *notes, *_trace_notes(trace)),
        )


def _mark(draft: Draft, trace: Trace, path: PathEnds, style: Style) -> Draft:
    ends = resolve_ends(trace, path)
    drawn = {value for box in draft.boxes for value in box.values[:1]}
    stops = drawn if style is Style.VARIABLES else ()
    return mark_path(draft, find_highlight(trace, *ends, stops=stops), style)


def title_step(trace: Trace, options: DiagramOptions) -> str:
    """Write which step is drawn, and of what: file, step, pass, path."""
    sites = (op.site for op in trace.graph.ops)
    file = next((s.short.rpartition(":")[0] for s in sites if s is not None), "")
    parts = [file, f"step {trace.step}"]
    if options.pass_index is not None:
        parts.append(f"pass {options.pass_index}")
    if options.lecture:
        parts.append("lecture view")
    if options.path is not None:
        leaf, root = resolve_ends(trace, options.path)
        whole = derivative(root_name(trace, [root]), title_of(trace, leaf))
        parts.append(f"path of {whole}")
    return " · ".join(part for part in parts if part)


def _trace_notes(trace: Trace) -> list[str]:
    notes: list[str] = []
    if trace.status is Status.ABORTED:
        ended = trace.error.rstrip(".") or "an exception"
        notes.append(f"The step was ended by {ended}.")
    again = sum(op.kind is OpKind.RECOMPUTE for op in trace.graph.ops)
    if again:
        ops = "op" if again == 1 else "ops"
        notes.append(f"{again} {ops} ran again in backward (checkpoint).")
    reasons = list(dict.fromkeys(gap.reason for gap in trace.graph.gaps))
    notes.extend(f"Not recorded: {reason}" for reason in reasons[:_SHOWN_GAPS])
    if len(reasons) > _SHOWN_GAPS:
        notes.append(f"Not recorded: {len(reasons) - _SHOWN_GAPS} more reasons")
    return notes
