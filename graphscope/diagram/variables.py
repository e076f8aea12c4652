"""The variables style: values are boxes, arrows carry the local derivatives."""

from typing import Final

from graphscope.diagram.derivatives import local_derivative, local_text
from graphscope.diagram.draft import OP, Draft, Moment, make_draft
from graphscope.diagram.gradients import arrivals_of, gradient_line, root_of
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
from graphscope.diagram.seeds import seed_line
from graphscope.diagram.selection import Selection
from graphscope.diagram.tooltips import op_tooltip
from graphscope.diagram.updates import update_arrows, update_boxes
from graphscope.model.graph import Op, OpKind, ValueKind

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
    if len(trace.graph.roots) > 1 and len(arrivals_of(selection, value)) > 1:
        prefix = "∂ "  # they are derivatives of several results
    seed = seed_line(selection, value) if value in selection.roots else None
    gradient = seed or gradient_line(selection, value, prefix)
    return (*lines, *([] if gradient is None else [gradient]))


def _arrows_into(selection: Selection, op: Op) -> list[Arrow]:
    results = shown_results(selection, op)
    arrows: list[Arrow] = []
    for value in dict.fromkeys(selection.inputs_of(op)):
        kind = arrow_kind(selection, op, value)
        reason = op.cut or sign_of(op) if kind is ArrowKind.CUT else ""
        if not results:
            arrows.append(Arrow(f"v{value}", f"op{op.id}", kind, None, reason, value))
        for result in results:
            label = _local_line(selection, op, result, value)
            arrow = Arrow(f"v{value}", f"v{result}", kind, label, reason, value)
            arrows.append(arrow)
    return arrows


def _owner_arrows(selection: Selection) -> list[Arrow]:
    return [
        Arrow(f"v{v.owner}", f"v{v.id}", ArrowKind.UPDATE, value=v.id)
        for v in selection.trace.graph.values
        if v.kind is ValueKind.GRADIENT and v.owner is not None
    ]


def _local_line(selection: Selection, op: Op, result: int, value: int) -> Line | None:
    """Write the derivative of one of an op's results by one of its inputs."""
    found = local_derivative(selection, op, result, value)
    if found is None:
        return None
    trace = selection.trace
    above, below = (shorten(title_of(trace, v), _SHORT) for v in (result, value))
    above = root_of(selection, found.event) if result in selection.roots else above
    text = local_text(found.jacobian, trace.graph.values[result].shape)
    return Line(f"{derivative(above, below)} = {text}", found.event)
