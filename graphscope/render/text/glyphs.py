"""The characters that pictures are made of, and their ASCII stand-ins."""

from typing import Final

from graphscope.diagram.model import ArrowKind, BoxKind
from graphscope.diagram.palette import MARKERS

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8

SOLID: Final = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
"""Line characters by the sum of the directions in which they lead."""

_WOVEN: Final = (
    " ╵╹╶╰┖╺┕┗╷│╿╭├┞┍┝┡╻╽┃┎┟┠┏┢┣╴╯┚─┴┸╼┶┺╮┤┦┬┼╀┮┾╄┒┧┨┰╁╂┲╆╊╸┙┛╾┵┹━┷┻┑┥┩┭┽╃┯┿╇┓┪┫┱╅╉┳╈╋"
)
"""Line characters by directions in base 3: 0 none, 1 light, 2 heavy; north first."""

HEAVY_MARK: Final = "┃"
"""Stands in front of a row that is on the path of a gradient."""

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
        **{glyph: "+" for glyph in _WOVEN if glyph not in SOLID},
        **dict.fromkeys("╹╻┃╿╽", "H"),
        **dict.fromkeys("╸╺━╾╼", "="),
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


def line_glyph(bits: int, kind: ArrowKind, heavy: int = 0) -> str:
    """Return the character that leads in the directions of `bits`.

    In those of `heavy` it is drawn heavy: a marked path goes there.
    """
    if heavy:
        return weave(bits, heavy)
    dashes = DASHES.get(kind)
    if dashes is not None and bits == NORTH | SOUTH:
        return dashes[0]
    if dashes is not None and bits == EAST | WEST:
        return dashes[1]
    return SOLID[bits]


def weave(bits: int, heavy: int) -> str:
    """Return a solid character, heavy in some of its directions.

    >>> weave(NORTH | SOUTH | EAST, NORTH | SOUTH), weave(EAST | WEST, EAST | WEST)
    ('┠', '━')
    """
    sides = (NORTH, EAST, SOUTH, WEST)
    weights = (2 if heavy & side else 1 if bits & side else 0 for side in sides)
    return _WOVEN[sum(weight * 3**place for place, weight in enumerate(weights))]


def marker(kind: BoxKind, *, ascii_only: bool) -> str:
    """Return the character that says what kind of box it is."""
    return _ASCII_MARKERS[kind] if ascii_only else MARKERS[kind]


def lines_to_ascii(text: str) -> str:
    """Replace line characters by ASCII ones of the same width."""
    return text.translate(_ASCII_LINES)
