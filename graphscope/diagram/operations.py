"""The operations style: an op is a box, leaves are boxes, values stand in the text."""

from collections import Counter
from typing import Final

from graphscope.diagram.draft import OP, ROOT, Draft, Moment, make_draft
from graphscope.diagram.gradients import (
    edge_lines,
    gradient_line,
    leaf_lines,
    value_text,
)
from graphscope.diagram.labels import formula_of, name_of, sign_of, title_of
from graphscope.diagram.leaves import first_arrival, leaf_boxes
from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Line, Style
from graphscope.diagram.seeds import seed_line
from graphscope.diagram.selection import Selection
from graphscope.diagram.tooltips import op_tooltip, value_tooltip
from graphscope.diagram.updates import change_text, update_arrows, update_boxes
from graphscope.model.graph import Op, OpKind, Value, ValueKind
from graphscope.model.trace import Trace

KINDS: Final = {
    OpKind.COMPUTE: BoxKind.OPERATION,
    OpKind.CREATE: BoxKind.OPERATION,
    OpKind.READOUT: BoxKind.READOUT,
    OpKind.UPDATE: BoxKind.UPDATE,
    OpKind.RECOMPUTE: BoxKind.OPERATION,  # never drawn: it is said in a note
    OpKind.GAP: BoxKind.GAP,
}

_SHOWN_RESULTS: Final = 3


def draft_operations(selection: Selection) -> Draft:
    """Draft the diagram of a selection in the operations style."""
    placed = leaf_boxes(selection, Style.OPERATIONS)
    for op in selection.ops:
        placed.append((moment_of(selection, op, OP), op_box(selection, op)))
        placed.extend(
            (moment_of(selection, op, ROOT, position), _root_box(selection, value))
            for position, value in enumerate(op.outputs)
            if value in selection.roots
        )
    placed.extend(update_boxes(selection))
    drawn = {box.id for _, box in placed}
    arrows = [
        *_owner_arrows(selection, drawn),
        *(a for op in selection.ops for a in _arrows_into(selection, op)),
        *_root_arrows(selection),
        *update_arrows(selection, drawn),
    ]
    return make_draft(placed, arrows)


def moment_of(selection: Selection, op: Op, rank: int, position: int = 0) -> Moment:
    """Return the sort key of what an op brings into being."""
    event = selection.event_of(op)
    return (-1 if event is None else event, rank, op.id, position)


def op_box(selection: Selection, op: Op) -> Box:
    """Return the box of an op with formula, values and gradients."""
    event = selection.event_of(op)
    return Box(
        id=f"op{op.id}",
        kind=KINDS[op.kind],
        title=sign_of(op),
        lines=_op_lines(selection, op, event),
        scope=op.scope,
        values=op.outputs,
        ops=(op.id,),
        event=event,
        backward_event=first_arrival(selection, op.outputs[0]) if op.outputs else None,
        tooltip=op_tooltip(selection.trace, op),
    )


def _op_lines(selection: Selection, op: Op, event: int | None) -> tuple[Line, ...]:
    if op.kind is OpKind.GAP:
        return (Line(op.note or "not recorded", event),)
    trace = selection.trace
    lines = [Line(formula_of(trace, op), event)]
    several = len(op.outputs) > 1
    for value in op.outputs[:_SHOWN_RESULTS]:
        found = trace.graph.values[value]
        label = f"{name_of(found)} " if several and found.name else ""
        text = result_text(trace, op, found)
        if text:
            lines.append(Line(f"{label}{text}", event))
        lines += _gradient_lines(selection, op, found, f"{label}∂ ")
    if len(op.outputs) > _SHOWN_RESULTS:
        lines.append(Line(f"+ {len(op.outputs) - _SHOWN_RESULTS} more results", event))
    return tuple(lines)


def _gradient_lines(
    selection: Selection, op: Op, value: Value, prefix: str
) -> tuple[Line, ...]:
    """Write the gradient of a result.

    `x.clone().requires_grad_()` is a result of an op and a leaf: it has a `.grad`.
    """
    if value.is_leaf and value.requires_grad and op.kind is OpKind.COMPUTE:
        return leaf_lines(selection, value, prefix)
    line = gradient_line(selection, value.id, prefix)
    return () if line is None else (line,)


def result_text(trace: Trace, op: Op, value: Value) -> str:
    """Write a result; for an update what it was and what it became."""
    seen = trace.value_of(value.id)
    if seen is None:
        return ""
    if op.kind is OpKind.UPDATE and value.previous is not None:
        return change_text(trace.value_of(value.previous), seen)
    return value_text(value, seen)


def _root_box(selection: Selection, value: int) -> Box:
    trace = selection.trace
    found = trace.graph.values[value]
    event = None if found.op is None else trace.graph.op_events.get(found.op)
    seen = trace.value_of(value)
    lines = [] if seen is None else [Line(value_text(found, seen), event)]
    gradient = seed_line(selection, value) or gradient_line(selection, value)
    return Box(
        id=f"v{value}",
        kind=BoxKind.ROOT,
        title=title_of(trace, value),
        lines=(*lines, *([] if gradient is None else [gradient])),
        values=(value,),
        event=event,
        backward_event=first_arrival(selection, value),
        tooltip=value_tooltip(trace, found),
    )


def home_of(selection: Selection, value: int) -> str:
    """Return the id of the box that a value comes out of."""
    if value in selection.roots or not selection.is_computed(value):
        return f"v{value}"
    return f"op{selection.trace.graph.values[value].op}"


def _arrows_into(selection: Selection, op: Op) -> list[Arrow]:
    inputs = list(selection.inputs_of(op))
    labels = {v: edge_lines(selection, op, v, n) for v, n in Counter(inputs).items()}
    arrows: list[Arrow] = []
    for value in inputs:
        kind = arrow_kind(selection, op, value)
        label = labels[value].pop(0) or _only_way_back(selection, op, value, kind)
        reason = op.cut or sign_of(op) if kind is ArrowKind.CUT else ""
        source = home_of(selection, value)
        arrows.append(Arrow(source, f"op{op.id}", kind, label, reason, value))
    return arrows


def _only_way_back(
    selection: Selection, op: Op, value: int, kind: ArrowKind
) -> Line | None:
    """Return the gradient of a value that this op alone reads, and once."""
    is_only = selection.trace.graph.consumers.get(value) == (op.id,)
    if kind is not ArrowKind.FLOW or not is_only or value in selection.roots:
        return None
    return gradient_line(selection, value) if op.inputs.count(value) == 1 else None


def arrow_kind(selection: Selection, op: Op, value: int) -> ArrowKind:
    """Say what flows along an op's use of a value."""
    values = selection.trace.graph.values
    if op.kind is OpKind.UPDATE:
        return ArrowKind.UPDATE
    if not values[value].requires_grad:
        return ArrowKind.DATA
    if op.cut or op.kind is OpKind.READOUT or not op.outputs:
        return ArrowKind.CUT
    # Inside of a user's own function nothing flows back, and nothing is cut either.
    flows = any(values[v].requires_grad for v in op.outputs)
    return ArrowKind.FLOW if flows else ArrowKind.DATA


def _root_arrows(selection: Selection) -> list[Arrow]:
    values = selection.trace.graph.values
    return [
        Arrow(f"op{values[root].op}", f"v{root}", value=root)
        for root in sorted(selection.roots)
    ]


def _owner_arrows(selection: Selection, drawn: set[str]) -> list[Arrow]:
    """Lead from a leaf to the boxes of its `.grad` that the user's code read."""
    return [
        Arrow(home_of(selection, v.owner), f"v{v.id}", ArrowKind.UPDATE, value=v.id)
        for v in selection.trace.graph.values
        if v.kind is ValueKind.GRADIENT and v.owner is not None and f"v{v.id}" in drawn
    ]
