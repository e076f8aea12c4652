"""One set of colours and markers for every output.

The hues are those of Okabe and Ito, which stay apart for colour-blind readers; fills
are light tints, so that near-black text stands on them, and strokes are dark enough
for white paper. Only hex colours: the PDF writer knows no colour names.

Source: https://jfly.uni-koeln.de/color/ (Okabe and Ito, Color Universal Design).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours of a box, each as `#rrggbb`."""

    fill: str
    stroke: str
    text: str


@dataclass(frozen=True, slots=True)
class ArrowPaint:
    """Colour of an arrow and its label, and its dashes.

    `dash` is the alternating length of strokes and gaps in points, as in SVG's
    `stroke-dasharray`; empty is a solid line.
    """

    stroke: str
    text: str
    dash: tuple[int, ...] = ()


BACKGROUND: Final = "#ffffff"
"""What the colours are chosen to be readable on."""

NOTE_TEXT: Final = "#4a4a4a"
"""Colour of titles and notes on the background."""

PALETTE: Final[Mapping[BoxKind, Paint]] = MappingProxyType(
    {
        BoxKind.PARAMETER: Paint("#d6e9f8", "#0072b2", "#0b2a3f"),
        BoxKind.BUFFER: Paint("#e3e8ec", "#56707f", "#1f2a30"),
        BoxKind.INPUT: Paint("#dcf2ea", "#007a5a", "#0b2f25"),
        BoxKind.CONSTANT: Paint("#f4f4f2", "#7d7d77", "#2b2b29"),
        BoxKind.OPERATION: Paint("#ffffff", "#3a3a3a", "#1a1a1a"),
        BoxKind.VALUE: Paint("#e4f3fc", "#2f83b5", "#0f2a3a"),
        BoxKind.ROOT: Paint("#fbe3d2", "#b84e00", "#3d1a00"),
        BoxKind.UPDATE: Paint("#f7e1ee", "#a3447d", "#3a1029"),
        BoxKind.MODULE: Paint("#fdf0d0", "#946600", "#332300"),
        BoxKind.READOUT: Paint("#f0f0f0", "#6e6e6e", "#2b2b2b"),
        BoxKind.GAP: Paint("#fbf7c4", "#6b6200", "#2e2a00"),
    }
)

ARROW_PAINT: Final[Mapping[ArrowKind, ArrowPaint]] = MappingProxyType(
    {
        ArrowKind.FLOW: ArrowPaint("#3a3a3a", "#1a1a1a"),
        ArrowKind.DATA: ArrowPaint("#767676", "#5a5a5a"),
        ArrowKind.CUT: ArrowPaint("#b84e00", "#8f3d00", (6, 4)),
        ArrowKind.UPDATE: ArrowPaint("#a3447d", "#83305f", (2, 3)),
    }
)

HIGHLIGHT: Final = ArrowPaint("#d55e00", "#8f3d00")
"""The path of a gradient that was asked for: Okabe and Ito's vermilion, solid."""

_FADED_STROKE: Final = 0.5
_FADED_TEXT: Final = 0.3
_FADED_LABEL: Final = 0.1
"""How much of the background is mixed in: as far as the text stays legible."""


def paint_box(box: Box, *, has_highlight: bool) -> Paint:
    """Return the colours of a box; beside a marked path the others are paler."""
    paint = PALETTE[box.kind]
    if box.is_highlighted:
        return Paint(paint.fill, HIGHLIGHT.stroke, paint.text)
    if not has_highlight:
        return paint
    return Paint(
        fade(paint.fill, _FADED_STROKE),
        fade(paint.stroke, _FADED_STROKE),
        fade(paint.text, _FADED_TEXT),
    )


def paint_arrow(arrow: Arrow, *, has_highlight: bool) -> ArrowPaint:
    """Return the colours of an arrow; beside a marked path the others are paler."""
    if arrow.is_highlighted:
        return HIGHLIGHT
    paint = ARROW_PAINT[arrow.kind]
    if not has_highlight:
        return paint
    stroke, text = fade(paint.stroke, _FADED_STROKE), fade(paint.text, _FADED_LABEL)
    return ArrowPaint(stroke, text, paint.dash)


def fade(colour: str, share: float) -> str:
    """Mix a colour with `share` of the background.

    >>> fade("#0072b2", 0.5), fade("#000000", 0.0)
    ('#80b8d8', '#000000')
    """
    pairs = zip(_channels(colour), _channels(BACKGROUND), strict=True)
    mixed = (round(own + (paper - own) * share) for own, paper in pairs)
    return f"#{''.join(f'{channel:02x}' for channel in mixed)}"


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))


MARKERS: Final[Mapping[BoxKind, str]] = MappingProxyType(
    {
        BoxKind.PARAMETER: "●",
        BoxKind.BUFFER: "◐",
        BoxKind.INPUT: "○",
        BoxKind.CONSTANT: "·",
        BoxKind.OPERATION: "□",
        BoxKind.VALUE: "◇",
        BoxKind.ROOT: "◆",
        BoxKind.UPDATE: "↻",
        BoxKind.MODULE: "▣",
        BoxKind.READOUT: "→",
        BoxKind.GAP: "?",
    }
)
"""One character for each kind, where there is no colour."""
