"""Modules drawn as one box each, down to a given depth."""

from collections import Counter
from collections.abc import Sequence
from math import prod

from graphscope.diagram.draft import Draft
from graphscope.diagram.gradients import gradient_line
from graphscope.diagram.merging import Group, merge_boxes, sequence_of
from graphscope.diagram.model import Box, BoxKind, Line, Style
from graphscope.diagram.selection import Selection
from graphscope.diagram.tooltips import type_text
from graphscope.model.graph import ValueKind
from graphscope.model.trace import Trace
from graphscope.transforms.scopes import scope_depth, scope_runs

_INSIDE = frozenset(
    {BoxKind.OPERATION, BoxKind.VALUE, BoxKind.READOUT, BoxKind.GAP, BoxKind.UPDATE}
)
_OWNED = frozenset({BoxKind.PARAMETER, BoxKind.BUFFER, BoxKind.CONSTANT})


def collapse_modules(
    draft: Draft, selection: Selection, style: Style, *, depth: int
) -> Draft:
    """Draw every module that is `depth` deep as one box for each of its runs."""
    sequence = sequence_of(draft)
    scopes = [_scope_of(box) for box in sequence]
    counts: Counter[str] = Counter()
    groups: list[Group] = []
    for run in scope_runs(scopes, depth):
        members = sequence[run.start : run.stop]
        counts[run.scope] += 1
        box = module_box(selection, run.scope, members, call=counts[run.scope])
        groups.append(Group(box, tuple(member.id for member in members)))
    return merge_boxes(
        draft,
        groups,
        absorbs=_belongs_to_module,
        total=lambda value: total_line(selection, style, value),
    )


def total_line(selection: Selection, style: Style, value: int) -> Line | None:
    """Return the label of an arrow that stands for all uses of a value."""
    is_flow = selection.trace.graph.values[value].requires_grad
    if style is Style.VARIABLES or not is_flow:
        return None
    return gradient_line(selection, value)


def _belongs_to_module(leaf: Box) -> bool:
    """Whether a leaf disappears into its module; what the user put in stays visible."""
    return leaf.kind in _OWNED or bool(leaf.scope)


def deepest_scope(draft: Draft) -> int:
    """Return the depth of the most deeply nested module in the draft."""
    return max((scope_depth(box.scope) for box in draft.boxes), default=0)


def _scope_of(box: Box) -> str | None:
    is_inside = box.kind in _INSIDE and bool(box.ops)
    return box.scope if is_inside else None


def module_box(
    selection: Selection, scope: str, members: Sequence[Box], *, call: int
) -> Box:
    """Return the box that stands for one run of a module, counted by `call`."""
    trace = selection.trace
    ops = ops_of(members)
    suffix = "" if call == 1 else f"#{call}"
    return Box(
        id=f"scope:{scope}{suffix}",
        kind=BoxKind.MODULE,
        title=_module_title(trace, scope),
        lines=(
            Line(plural(len(ops), "op"), members[0].event),
            *_parameter_lines(trace, ops, members[0].event),
            *_output_lines(selection, members[-1]),
        ),
        scope=scope,
        values=members[-1].values[:1],
        ops=ops,
        event=first_event([box.event for box in members]),
        backward_event=first_event([box.backward_event for box in members]),
        tooltip="\n".join(f"{box.title}  {_first_text(box)}" for box in members[:12]),
    )


def ops_of(members: Sequence[Box]) -> tuple[int, ...]:
    """Return the ids of all ops that the boxes stand for, without repeats."""
    return tuple(dict.fromkeys(op for box in members for op in box.ops))


def first_event(events: Sequence[int | None]) -> int | None:
    """Return the earliest of several events, None when there is none."""
    return min((e for e in events if e is not None), default=None)


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 op`, `1,200 ops`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _module_title(trace: Trace, scope: str) -> str:
    classes = {s.path: s.class_name for s in trace.graph.scopes}
    name = classes.get(scope, "")
    if not scope:
        return name or "model"
    return f"{scope} ({name})" if name else scope


def _first_text(box: Box) -> str:
    return box.lines[0].text if box.lines else ""


def _parameter_lines(
    trace: Trace, ops: Sequence[int], event: int | None
) -> tuple[Line, ...]:
    graph = trace.graph
    read = {v for op in ops for v in graph.ops[op].inputs}
    found = [graph.values[v] for v in read]
    count = sum(prod(v.shape) for v in found if v.kind is ValueKind.PARAMETER)
    return (Line(plural(count, "parameter"), event),) if count else ()


def _output_lines(selection: Selection, last: Box) -> tuple[Line, ...]:
    if not last.values:
        return ()
    value = selection.trace.graph.values[last.values[0]]
    output = Line(f"→ {type_text(value)}", last.event)
    gradient = gradient_line(selection, value.id)
    return (output,) if gradient is None else (output, gradient)
