"""The variables style: values are boxes, arrows carry the local derivatives."""

from dataclasses import replace
from typing import Final

import numpy as np

from graphscope.diagram.draft import OP, Draft, Moment, make_draft
from graphscope.diagram.gradients import edges_of, gradient_line, root_of
from graphscope.diagram.labels import (
    derivative,
    expression_of,
    is_assignment,
    shorten,
    sign_of,
    title_of,
)
from graphscope.diagram.leaves import first_arrival, leaf_boxes
from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Line, Style
from graphscope.diagram.operations import (
    KINDS,
    arrow_kind,
    moment_of,
    op_box,
    result_text,
)
from graphscope.diagram.selection import Selection
from graphscope.diagram.tooltips import op_tooltip
from graphscope.diagram.updates import update_arrows, update_boxes
from graphscope.model.graph import Op, OpKind, Role, ValueKind
from graphscope.model.numbers import format_array, format_number
from graphscope.model.observation import Array

_SMALL: Final = 4
_SHORT: Final = 16


def draft_variables(selection: Selection) -> Draft:
    """Draft the diagram of a selection in the variables style."""
    placed = leaf_boxes(selection, Style.VARIABLES)
    for op in selection.ops:
        placed.extend(_op_boxes(selection, op))
    placed.extend(update_boxes(selection))
    drawn = {box.id for _, box in placed}
    arrows = [
        *_owner_arrows(selection),
        *(a for op in selection.ops for a in _arrows_into(selection, op)),
        *update_arrows(selection, drawn),
    ]
    return make_draft(placed, arrows)


def shown_results(selection: Selection, op: Op) -> list[int]:
    """Return the results that get a box: the first, and what is named or used."""
    graph = selection.trace.graph
    return [
        value
        for position, value in enumerate(op.outputs)
        if graph.values[value].op == op.id
        and (
            position == 0
            or graph.values[value].name
            or value in graph.consumers
            or value in selection.roots
        )
    ]


def _op_boxes(selection: Selection, op: Op) -> list[tuple[Moment, Box]]:
    results = shown_results(selection, op)
    if not results:
        return [(moment_of(selection, op, OP), op_box(selection, op))]
    return [
        (moment_of(selection, op, OP, position), _value_box(selection, op, value))
        for position, value in enumerate(results)
    ]


def _value_box(selection: Selection, op: Op, value: int) -> Box:
    kind = BoxKind.VALUE if op.kind is OpKind.COMPUTE else KINDS[op.kind]
    return Box(
        id=f"v{value}",
        kind=BoxKind.ROOT if value in selection.roots else kind,
        title=title_of(selection.trace, value),
        lines=_value_lines(selection, op, value),
        scope=op.scope,
        values=(value,),
        ops=(op.id,),
        event=selection.event_of(op),
        backward_event=first_arrival(selection, value),
        tooltip=op_tooltip(selection.trace, op),
    )


def _value_lines(selection: Selection, op: Op, value: int) -> tuple[Line, ...]:
    trace, event = selection.trace, selection.event_of(op)
    title = title_of(trace, value)
    lines: list[Line] = []
    expression = op.note if op.kind is OpKind.GAP else expression_of(trace, op)
    if expression and expression != title:
        sign = "" if is_assignment(expression) or op.kind is OpKind.GAP else "= "
        lines.append(Line(f"{sign}{expression}", event))
    text = result_text(trace, op, trace.graph.values[value])
    if text:
        lines.append(Line(text, event))
    above = root_of(selection, first_arrival(selection, value))
    below = above if value in selection.roots else shorten(title, _SHORT)
    prefix = f"{derivative(above, below)} = "
    gradient = gradient_line(selection, value, prefix)
    return (*lines, *([] if gradient is None else [gradient]))


def _arrows_into(selection: Selection, op: Op) -> list[Arrow]:
    results = shown_results(selection, op)
    targets = [f"v{v}" for v in results] or [f"op{op.id}"]
    arrows: list[Arrow] = []
    for value in dict.fromkeys(selection.inputs_of(op)):
        kind = arrow_kind(selection, op, value)
        reason = op.cut or sign_of(op) if kind is ArrowKind.CUT else ""
        label = _local_line(selection, op, value) if results else None
        for position, target in enumerate(targets):
            arrow = Arrow(f"v{value}", target, kind, None, reason, value)
            arrows.append(replace(arrow, label=label if position == 0 else None))
    return arrows


def _owner_arrows(selection: Selection) -> list[Arrow]:
    return [
        Arrow(f"v{v.owner}", f"v{v.id}", ArrowKind.UPDATE, value=v.id)
        for v in selection.trace.graph.values
        if v.kind is ValueKind.GRADIENT and v.owner is not None
    ]


def _local_line(selection: Selection, op: Op, value: int) -> Line | None:
    """Write the derivative of an op's first result by one of its inputs.

    Uses of the same input add up: for `x * x` it is 2x. An op of several autograd
    nodes has no single local derivative, and gets no label.
    """
    if len(op.grad_nodes) != 1 or not op.outputs:
        return None
    trace = selection.trace
    total: Array | None = None
    event: int | None = None
    for node, position in edges_of(selection, op, value):
        slots = selection.node_slots.get((Role.LOCAL, node.id, position), ())
        seen = trace.seen(slots[-1]) if slots else None
        if seen is None or seen.data is None:
            return None
        if total is not None and total.shape != seen.data.shape:
            return None
        total = seen.data if total is None else np.asarray(total + seen.data)
        event = trace.graph.slots[slots[-1]].event
    if total is None:
        return None
    above, below = (shorten(title_of(trace, v), _SHORT) for v in (op.outputs[0], value))
    above = root_of(selection, event) if op.outputs[0] in selection.roots else above
    text = local_text(total, trace.graph.values[op.outputs[0]].shape)
    return Line(f"{derivative(above, below)} = {text}", event)


def local_text(jacobian: Array, output_shape: tuple[int, ...]) -> str:
    """Write a Jacobian of shape `[*output, *input]`: number, diagonal, or its size.

    >>> local_text(np.diag([2.0, 3.0]), (2,)), local_text(np.zeros((5, 4)), (5,))
    ('diag [2, 3]', '5×4 matrix')
    """
    if jacobian.size == 1:
        return format_number(jacobian.reshape(()).item())
    if jacobian.size == 0:
        return "empty"
    rows = int(np.prod(output_shape))
    if rows < 1 or jacobian.size % rows:
        return "not read"
    matrix = jacobian.reshape(rows, -1)
    columns = matrix.shape[1]
    if rows == columns and rows <= _SMALL and _is_diagonal(matrix):
        return f"diag {format_array(np.diagonal(matrix))}"
    if min(rows, columns) == 1 and matrix.size <= _SMALL:
        return format_array(matrix.ravel())
    return f"{rows}×{columns} matrix"


def _is_diagonal(matrix: Array) -> bool:
    return bool((matrix[~np.eye(len(matrix), dtype=bool)] == 0).all())
