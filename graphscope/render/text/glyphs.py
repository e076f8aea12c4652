"""The characters that pictures are made of, and their ASCII stand-ins."""

from typing import Final

from graphscope.diagram.model import ArrowKind, BoxKind
from graphscope.diagram.palette import MARKERS

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8

SOLID: Final = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
"""Line characters by the sum of the directions in which they lead."""

DASHES: Final = {ArrowKind.CUT: ("╎", "╌"), ArrowKind.UPDATE: ("┊", "┈")}
"""Vertical and horizontal pieces of arrows that no gradient flows through."""

HEADS: Final = {
    ArrowKind.FLOW: "▼",
    ArrowKind.DATA: "▽",
    ArrowKind.CUT: "▽",
    ArrowKind.UPDATE: "▽",
}
"""A full head says that a gradient comes back along the arrow."""

_ASCII_LINES: Final = str.maketrans(
    {
        **dict.fromkeys("│╵╷", "|"),
        **dict.fromkeys("─╴╶", "-"),
        **dict.fromkeys("╭╮╯╰┌┐└┘├┤┬┴┼", "+"),
        **dict.fromkeys("╎┊", ":"),
        **dict.fromkeys("╌┈", "."),
        "▼": "V",
        "▽": "v",
        "●": "@",
    }
)

_ASCII_MARKERS: Final = {
    BoxKind.PARAMETER: "@",
    BoxKind.BUFFER: "%",
    BoxKind.INPUT: "o",
    BoxKind.CONSTANT: "=",
    BoxKind.OPERATION: "#",
    BoxKind.VALUE: "~",
    BoxKind.ROOT: "*",
    BoxKind.UPDATE: "!",
    BoxKind.MODULE: "&",
    BoxKind.READOUT: ">",
    BoxKind.GAP: "?",
}


def line_glyph(bits: int, kind: ArrowKind) -> str:
    """Return the character that leads in the directions of `bits`."""
    dashes = DASHES.get(kind)
    if dashes is not None and bits == NORTH | SOUTH:
        return dashes[0]
    if dashes is not None and bits == EAST | WEST:
        return dashes[1]
    return SOLID[bits]


def marker(kind: BoxKind, *, ascii_only: bool) -> str:
    """Return the character that says what kind of box it is."""
    return _ASCII_MARKERS[kind] if ascii_only else MARKERS[kind]


def lines_to_ascii(text: str) -> str:
    """Replace line characters by ASCII ones of the same width."""
    return text.translate(_ASCII_LINES)
