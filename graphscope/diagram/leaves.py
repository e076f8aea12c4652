"""Boxes for what no drawn op computed: parameters, inputs, constants, `.grad`."""

from collections.abc import Collection
from typing import Final

from graphscope.diagram.draft import LEAF, READ, Moment
from graphscope.diagram.gradients import leaf_lines, root_of, value_text
from graphscope.diagram.labels import constant_text, derivative, is_constant, title_of
from graphscope.diagram.model import Box, BoxKind, Line, Style
from graphscope.diagram.selection import Selection, leaf_consumers
from graphscope.diagram.tooltips import value_tooltip
from graphscope.model.graph import OpKind, Role, Value, ValueKind
from graphscope.model.numbers import format_observation

_KINDS: Final = {
    ValueKind.PARAMETER: BoxKind.PARAMETER,
    ValueKind.BUFFER: BoxKind.BUFFER,
    ValueKind.INPUT: BoxKind.INPUT,
    ValueKind.CONSTANT: BoxKind.CONSTANT,
    ValueKind.GRADIENT: BoxKind.VALUE,
    ValueKind.CARRIED: BoxKind.VALUE,
}

_MAX_LONELY: Final = 8
"""Parameters that nothing but an update reads; of more than these none is drawn."""

_OWNED: Final = frozenset({ValueKind.PARAMETER, ValueKind.BUFFER, ValueKind.CONSTANT})


def leaf_boxes(selection: Selection, style: Style) -> list[tuple[Moment, Box]]:
    """Return a box for each leaf that a drawn op reads, just before its first reader.

    In the variables style the numbers of an expression stay in the formulas.
    """
    values = selection.trace.graph.values
    placed: list[tuple[Moment, Box]] = []
    for value, (op, position) in leaf_consumers(selection).items():
        if style is Style.VARIABLES and is_constant(values[value]):
            continue
        event = selection.event_of(op)
        rank = READ if values[value].kind is ValueKind.GRADIENT else LEAF
        moment = (-1 if event is None else event, rank, op.id, position)
        placed.append((moment, _leaf_box(selection, values[value], style)))
    drawn = {value for _, box in placed for value in box.values}
    placed += _updated_boxes(selection, drawn, style)
    drawn |= {value for _, box in placed for value in box.values}
    return [*placed, *_unread_boxes(selection, drawn, style)]


def _updated_boxes(
    selection: Selection, drawn: Collection[int], style: Style
) -> list[tuple[Moment, Box]]:
    """Return boxes for what an optimizer updated although no drawn op reads it.

    The generator of a GAN ran before the step that updates it. Of a large optimizer
    the update's own box names the first ones.
    """
    placed: list[tuple[Moment, Box]] = []
    for event in selection.updates:
        lonely = [v for v in event.values if v not in drawn]
        if len(lonely) > _MAX_LONELY:
            continue
        for position, value in enumerate(lonely):
            box = _leaf_box(selection, selection.trace.graph.values[value], style)
            placed.append(((event.index, LEAF, -1, position), box))
    return placed


def _unread_boxes(
    selection: Selection, drawn: Collection[int], style: Style
) -> list[tuple[Moment, Box]]:
    """Return boxes for the named tensors that were made and that nothing reads.

    `t = torch.tensor([1, 2, 3])` alone is a picture too, and a tensor that was
    forgotten is worth seeing. Of very many none is drawn: they are somebody's data.
    What was put into `weight.data` is the weight, which has its own box.
    """
    graph = selection.trace.graph
    unread = [
        value
        for value in graph.values
        if value.name is not None
        and not value.name.endswith(".data")
        and value.id not in drawn
        and value.id not in graph.consumers
        and value.version == 0
        and value.op is not None
        and graph.ops[value.op].kind is OpKind.CREATE
        and selection.has_event(graph.op_events.get(value.op))
    ]
    if len(unread) > _MAX_LONELY:
        return []
    placed: list[tuple[Moment, Box]] = []
    for value in unread:
        event = graph.op_events.get(value.op) if value.op is not None else None
        moment = (-1 if event is None else event, LEAF, value.op or 0, 0)
        placed.append((moment, _leaf_box(selection, value, style)))
    return placed


def kind_of_leaf(value: Value) -> BoxKind:
    """Return how a leaf is drawn; a created tensor that learns is a parameter."""
    if value.kind in _KINDS:
        return _KINDS[value.kind]
    if value.requires_grad:
        return BoxKind.PARAMETER if value.is_leaf else BoxKind.VALUE
    return BoxKind.INPUT


def _leaf_box(selection: Selection, value: Value, style: Style) -> Box:
    trace = selection.trace
    kind = kind_of_leaf(value)
    created = None if value.op is None else trace.graph.op_events.get(value.op)
    if kind is BoxKind.CONSTANT:
        title = constant_text(trace, value)
        lines = _constant_lines(selection, value, title)
    else:
        title = _title_of_leaf(selection, value)
        lines = _lines(selection, value, style)
    return Box(
        id=f"v{value.id}",
        kind=kind,
        title=title,
        lines=lines,
        scope=_scope_of(selection, value),
        values=(value.id,),
        event=created,
        backward_event=first_arrival(selection, value.id),
        tooltip=value_tooltip(selection.trace, value),
    )


def _constant_lines(selection: Selection, value: Value, title: str) -> tuple[Line, ...]:
    """A number that the user named (`lr`) shows itself; one in the text has."""
    seen = selection.trace.value_of(value.id)
    if seen is None or not title.isidentifier():
        return ()
    return (Line(format_observation(seen)),)


def _scope_of(selection: Selection, value: Value) -> str:
    """Return the module that created a leaf, or the only one that reads it."""
    graph = selection.trace.graph
    if value.op is not None:
        return graph.ops[value.op].scope
    if value.kind not in _OWNED:
        return ""
    readers = graph.consumers.get(value.id, ())
    scopes = {graph.ops[op].scope for op in readers if op in selection.op_ids}
    return scopes.pop() if len(scopes) == 1 else ""


def _title_of_leaf(selection: Selection, value: Value) -> str:
    if value.kind is ValueKind.GRADIENT and not value.name and value.owner is not None:
        return f"{title_of(selection.trace, value.owner)}.grad"
    return title_of(selection.trace, value.id)


def _lines(selection: Selection, value: Value, style: Style) -> tuple[Line, ...]:
    trace = selection.trace
    slots = trace.slots_of(value.id, Role.VALUE)
    seen = trace.seen(slots[0]) if slots else None
    is_new = value.op is not None or value.kind is ValueKind.GRADIENT
    lines: list[Line] = []
    if value.kind is ValueKind.CARRIED and value.note:
        lines.append(Line(value.note))
    lines += [Line(f"also {name}") for name in value.also]
    if seen is not None:
        event = trace.graph.slots[slots[0]].event if is_new else None
        lines.append(Line(value_text(value, seen), event))
    prefix = "∂ "
    if style is Style.VARIABLES:
        above = root_of(selection, first_arrival(selection, value.id))
        prefix = f"{derivative(above, title_of(trace, value.id))} = "
    return (*lines, *leaf_lines(selection, value, prefix))


def first_arrival(selection: Selection, value: int) -> int | None:
    """Return the event in which the first gradient reached a value."""
    arrived = selection.trace.arrivals(value)
    events = [event for event, _ in arrived if selection.has_event(event)]
    return events[0] if events else None
