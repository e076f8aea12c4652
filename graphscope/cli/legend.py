"""One line that says what the signs of a text picture mean."""

from typing import Final

from graphscope.diagram.model import BoxKind, Diagram
from graphscope.diagram.palette import MARKERS

_WORDS: Final = {BoxKind.ROOT: "result", BoxKind.READOUT: "read by Python"}
_LINES: Final = {
    "▼": "a gradient comes back",
    "▽": "none comes back",
    "╎": "cut off from gradients",
    "┊": "for the update",
}


def write_legend(diagram: Diagram, picture: str) -> str:
    """Explain the markers of the diagram's boxes and the lines that were drawn.

    >>> from graphscope.diagram.model import Box, Style
    >>> boxes = (Box("w", BoxKind.PARAMETER, "w"), Box("z", BoxKind.ROOT, "z"))
    >>> write_legend(Diagram("", Style.OPERATIONS, boxes, ()), "● w │ ◆ z")
    '● parameter  ◆ result'
    """
    drawn = {box.kind for box in diagram.boxes}
    kinds = [
        f"{MARKERS[kind]} {_WORDS.get(kind, kind.value)}"
        for kind in BoxKind
        if kind in drawn
    ]
    lines = [f"{sign} {words}" for sign, words in _LINES.items() if sign in picture]
    heavy = "┃" if "┃" in picture else "H"
    path = [f"{heavy} the path of the gradient"] if diagram.has_highlight else []
    return "  ".join([*kinds, *path, *lines])
