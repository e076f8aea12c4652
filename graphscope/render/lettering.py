"""What is written in boxes and on arrows of an image, and the room that it takes.

All image formats letter alike: engines get these sizes, writers these lines.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from graphscope.diagram.model import Arrow, ArrowKind, Box, Diagram
from graphscope.diagram.palette import MARKERS
from graphscope.render.escape import clean_text
from graphscope.render.fonts import count_cells, text_width

HEADING_SIZE: Final = 16.0
TITLE_SIZE: Final = 14.0
LINE_SIZE: Final = 12.0
ARROW_SIZE: Final = 11.0
SCOPE_SIZE: Final = 11.0
NOTE_SIZE: Final = 11.0

LEADING: Final = 1.35
"""Distance of baselines, in units of the font size."""

PADDING_X: Final = 12.0
PADDING_Y: Final = 8.0
MARKER_ROOM: Final = 16.0
"""Kept free at both sides of a box's title: the marker stands in the left one."""

MAX_CELLS: Final = 72
"""Longer lines are cut; the whole text stays in the tooltip."""

_MAX_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class BoxText:
    """The text of a box, cleaned and cut, and the size of the box around it.

    Attributes:
        marker: One character that says the kind without colour.
        title: First line, set bold.
        lines: The rest.
        tooltip: Everything that was said about the box, uncut.
    """

    marker: str
    title: str
    lines: tuple[str, ...]
    tooltip: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ArrowText:
    """The label of an arrow and its size; no lines, no label."""

    lines: tuple[str, ...]
    width: float
    height: float


def letter_box(box: Box) -> BoxText:
    """Return what stands in `box`."""
    title = shorten(box.title)
    whole = [clean_text(line.text) for line in box.lines]
    lines = tuple(shorten(line) for line in whole[:_MAX_LINES])
    if len(whole) > _MAX_LINES:
        lines = (*lines[:-1], f"… {len(whole) - _MAX_LINES + 1} more lines")
    tooltip = [clean_text(part) for part in box.tooltip.splitlines()]
    if (title, lines) != (clean_text(box.title), tuple(whole)):
        tooltip = [clean_text(box.title), *whole, *tooltip]
    title_width = text_width(title, TITLE_SIZE) + 2 * MARKER_ROOM
    widths = [title_width, *(text_width(line, LINE_SIZE) for line in lines)]
    text_height = LEADING * (TITLE_SIZE + LINE_SIZE * len(lines))
    return BoxText(
        marker=MARKERS[box.kind],
        title=title,
        lines=lines,
        tooltip="\n".join(tooltip),
        width=float(round(max(widths) + 2 * PADDING_X)),
        height=float(round(text_height + 2 * PADDING_Y)),
    )


def letter_arrow(arrow: Arrow) -> ArrowText:
    """Return what stands on `arrow`: its label, and why the gradient stops at a cut."""
    parts = [arrow.label.text] if arrow.label is not None else []
    if arrow.kind is ArrowKind.CUT and arrow.reason:
        parts.append(f"✕ {arrow.reason}")
    lines = tuple(shorten(part) for part in parts if part)
    width = max((text_width(line, ARROW_SIZE) for line in lines), default=0.0)
    return ArrowText(lines, width, len(lines) * ARROW_SIZE * LEADING)


def letter_notes(diagram: Diagram) -> tuple[str, ...]:
    """Return the sentences under the picture."""
    return tuple(clean_text(note) for note in diagram.notes)


def shorten(text: str, cells: int = MAX_CELLS) -> str:
    """Clean `text` and cut what is wider than `cells` character cells.

    >>> shorten("gradient", 5), shorten("gradient", 8)
    ('grad…', 'gradient')
    """
    # No text of more characters can fit: a huge one need not be measured whole.
    clean = clean_text(text[: 2 * cells])
    if count_cells(clean) <= cells and len(text) <= 2 * cells:
        return clean
    widths = accumulate(map(count_cells, clean))
    kept = sum(width < cells for width in widths)
    return f"{clean[:kept]}…"
