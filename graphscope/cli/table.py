"""The numbers of one step as a table: names, values, gradients."""

from collections.abc import Sequence
from typing import Final

from graphscope.model.trace import Trace
from graphscope.render.number_rows import ABSENT, NumberRow, number_rows
from graphscope.render.text.cells import cell_width, clean, clip, pad

HEADINGS: Final = (
    *("name", "pass", "kind", "type"),
    *("value", "gradient", ".grad", "updated", "line"),
)
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
    rows = [_cells(row) for row in number_rows(trace)]
    if not rows:
        return "No value has a name."
    return align([HEADINGS, *rows], width=width)


def _cells(row: NumberRow) -> tuple[str, ...]:
    cells = (
        *(row.name, row.pass_number, row.kind, row.type),
        *(row.value, row.gradient, row.stored, row.updated),
        str(row.site.line) if row.site else ABSENT,
    )
    # A recording is a stranger's file: its names must not drive the terminal.
    return tuple(clip(clean(cell), MAX_CELL) for cell in cells)


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
