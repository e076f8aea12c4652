"""The numbers of one step as a table: names, values, gradients."""

from collections.abc import Sequence

from graphscope.diagram.gradients import join_numbers
from graphscope.model.graph import EventKind, Role, Value, ValueKind
from graphscope.model.numbers import format_observation, format_type
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from graphscope.render.text.cells import cell_width, clean, pad

HEADINGS = ("name", "kind", "type", "value", "gradient", ".grad", "updated", "line")
ABSENT = "–"


def to_table(trace: Trace) -> str:
    """Write one row for each named value, in the order in which they appeared.

    `gradient` is what arrived, once for each backward; `.grad` what the attribute was
    after each of them. A dash means that there was nothing to see, `None` that torch
    had no tensor there.
    """
    rows = [_row(trace, value) for value in trace.graph.values if is_listed(value)]
    return align([HEADINGS, *rows]) if rows else "No value has a name."


def is_listed(value: Value) -> bool:
    """Whether a value gets a row: it has a name and is not a drawn constant.

    A version that no op made is what an optimizer left behind: `updated` says it.
    """
    hidden = (ValueKind.CONSTANT, ValueKind.GRADIENT)
    is_leftover = value.previous is not None and value.op is None
    return value.name is not None and value.kind not in hidden and not is_leftover


def _row(trace: Trace, value: Value) -> tuple[str, ...]:
    arrived = [seen for _, seen in trace.arrivals(value.id)]
    name = value.name or ""
    return (
        # A recording is a stranger's file: its names must not drive the terminal.
        clean(name if value.version == 0 else f"{name} (version {value.version})"),
        value.kind.value,
        clean(format_type(value.dtype, value.shape)),
        _last(trace, value.id, Role.VALUE),
        join_numbers(arrived, ", ") or ABSENT,
        join_numbers(_accumulated(trace, value.id), " → ") or ABSENT,
        _last(trace, value.id, Role.UPDATED),
        _line(trace, value),
    )


def _accumulated(trace: Trace, value: int) -> list[Observation | None]:
    after = trace.slots_of(value, Role.AFTER)
    events = trace.graph.events
    return [
        trace.seen(slot)
        for slot in after
        if events[trace.graph.slots[slot].event].kind is EventKind.ACCUMULATE
    ]


def _line(trace: Trace, value: Value) -> str:
    site = trace.graph.ops[value.op].site if value.op is not None else value.site
    return str(site.line) if site else ABSENT


def _last(trace: Trace, value: int, role: Role) -> str:
    slots = trace.slots_of(value, role)
    return format_observation(trace.seen(slots[-1])) if slots else ABSENT


def align(rows: Sequence[Sequence[str]]) -> str:
    """Pad the cells of each column to the same width; empty columns disappear.

    >>> print(align([("name", "value", "x"), ("z", "1.9", "–"), ("w_1", "0.5", "–")]))
    name  value
    z     1.9
    w_1   0.5
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    kept = [column for column in columns if any(c != ABSENT for c in column[1:])]
    widths = [max(map(cell_width, column)) for column in kept]
    lines = (
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True))
        for row in zip(*kept, strict=True)
    )
    return "\n".join(line.rstrip() for line in lines)
