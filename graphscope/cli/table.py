"""The numbers of one step as a table: names, values, gradients."""

from collections.abc import Sequence
from typing import Final

from graphscope.diagram.gradients import join_numbers
from graphscope.model.graph import OpKind, Role, Value, ValueKind
from graphscope.model.numbers import format_observation, format_type
from graphscope.model.trace import Trace
from graphscope.render.text.cells import cell_width, clean, clip, pad

HEADINGS: Final = (
    *("name", "pass", "kind", "type"),
    *("value", "gradient", ".grad", "updated", "line"),
)
ABSENT: Final = "–"
MAX_CELL: Final = 40
"""Cells of the terminal that a text may take before it is cut."""

_MIN_CELL: Final = 20
_GAP: Final = "  "


def to_table(trace: Trace, *, width: int | None = None) -> str:
    """Write one row for each named value, in the order in which they appeared.

    `pass` is there in a step of several passes: the one that the row belongs to, a
    dash for what all of them share. `gradient` is what arrived, once for each
    backward; `.grad` what the attribute was after each of them. A dash means that
    there was nothing to see, `None` that torch had no tensor there.

    Args:
        trace: The step.
        width: Long texts are cut further to keep lines within it, down to 20 cells.
    """
    rows = [
        tuple(clip(cell, MAX_CELL) for cell in _row(trace, value))
        for value in trace.graph.values
        if is_listed(trace, value)
    ]
    if not rows:
        return "No value has a name."
    return align([HEADINGS, *rows], width=width)


def is_listed(trace: Trace, value: Value) -> bool:
    """Whether a value gets a row: it has a name and is not a drawn constant.

    What an update left behind has none: `updated` says it.
    """
    hidden = (ValueKind.CONSTANT, ValueKind.GRADIENT)
    is_visible = value.name is not None and value.kind not in hidden
    return is_visible and not trace.is_updated(value)


def _row(trace: Trace, value: Value) -> tuple[str, ...]:
    arrived = [seen for _, seen in trace.arrivals(value.id)]
    name = value.name or ""
    return (
        # A recording is a stranger's file: its names must not drive the terminal.
        clean(name if value.version == 0 else f"{name} (version {value.version})"),
        _pass(trace, value),
        value.kind.value,
        clean(format_type(value.dtype, value.shape)),
        _last(trace, value.id, Role.VALUE),
        join_numbers(arrived, ", ") or ABSENT,
        join_numbers(trace.accumulations(value.id, Role.AFTER), " → ") or ABSENT,
        _updated(trace, value.id),
        _line(trace, value),
    )


def _pass(trace: Trace, value: Value) -> str:
    """Write the pass that computed a value or, of a leaf, was alone to read it."""
    graph = trace.graph
    if not any(event.pass_index for event in graph.events):
        return ABSENT
    readers = graph.consumers.get(value.id, ())
    is_computed = value.op is not None and graph.ops[value.op].kind is not OpKind.CREATE
    ops = (value.op,) if value.op is not None and is_computed else readers
    found = (graph.op_events.get(op) for op in ops)
    passes = {graph.events[event].pass_index for event in found if event is not None}
    return str(passes.pop()) if len(passes) == 1 else ABSENT


def _updated(trace: Trace, value: int) -> str:
    seen = trace.updated_to(value)
    return ABSENT if seen is None else format_observation(seen)


def _line(trace: Trace, value: Value) -> str:
    site = trace.graph.ops[value.op].site if value.op is not None else value.site
    return str(site.line) if site else ABSENT


def _last(trace: Trace, value: int, role: Role) -> str:
    slots = trace.slots_of(value, role)
    return format_observation(trace.seen(slots[-1])) if slots else ABSENT


def align(rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Pad the cells of each column to the same width; empty columns disappear.

    The widest columns but the first are cut while lines are longer than `width`.

    >>> print(align([("name", "value", "x"), ("z", "1.9", "–"), ("w_1", "0.5", "–")]))
    name  value
    z     1.9
    w_1   0.5
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    kept = [column for column in columns if any(c != ABSENT for c in column[1:])]
    widths = _narrow([max(map(cell_width, column)) for column in kept], width)
    lines = (
        _GAP.join(pad(clip(cell, w), w) for cell, w in zip(row, widths, strict=True))
        for row in zip(*kept, strict=True)
    )
    return "\n".join(line.rstrip() for line in lines)


def _narrow(widths: list[int], width: int | None) -> list[int]:
    """Take cells from the widest columns but the first, which tells rows apart."""
    first, rest = widths[:1], widths[1:]
    if width is None or not rest:
        return widths
    excess = sum(widths) + len(_GAP) * len(rest) - width
    for _ in range(excess):
        if max(rest) <= _MIN_CELL:
            break
        rest[rest.index(max(rest))] -= 1
    return [*first, *rest]
