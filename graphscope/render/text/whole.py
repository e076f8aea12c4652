"""The whole picture as one string: title, boxes or rail, notes."""

from typing import Final, Literal

from graphscope.diagram.model import Diagram
from graphscope.render.text.boxes import draw_boxes
from graphscope.render.text.cells import clean, clip
from graphscope.render.text.picture import TextPicture
from graphscope.render.text.rail import draw_rail

View = Literal["auto", "boxes", "rail"]

_DEFAULT_WIDTH: Final = 100
_MAX_BOXES: Final = 40


def to_text(
    diagram: Diagram,
    *,
    width: int | None = None,
    view: View = "auto",
    ascii_only: bool = False,
) -> str:
    """Return the diagram as text: no trailing spaces, no newline at the end.

    Args:
        diagram: What to draw.
        width: Cells in a line, 100 by default. Boxes that were asked for are never
            made narrower.
        view: `auto` takes boxes when there are at most 40 and they fit, else the rail.
        ascii_only: Use no character outside of ASCII.
    """
    limit = _DEFAULT_WIDTH if width is None else width
    picture = _choose(diagram, limit, view, ascii_only=ascii_only)
    parts = [_lines([diagram.title], limit, ascii_only=ascii_only)]
    parts.append("\n".join(picture.lines))
    parts.append(_lines(diagram.notes, None, ascii_only=ascii_only))
    return "\n\n".join(part for part in parts if part)


def _choose(
    diagram: Diagram, width: int, view: View, *, ascii_only: bool
) -> TextPicture:
    if view == "boxes":
        return draw_boxes(diagram, ascii_only=ascii_only)
    if view == "auto" and len(diagram.boxes) <= _MAX_BOXES:
        picture = draw_boxes(diagram, ascii_only=ascii_only)
        if picture.width <= width:
            return picture
    return draw_rail(diagram, ascii_only=ascii_only, width=width)


def _lines(
    texts: tuple[str, ...] | list[str], width: int | None, *, ascii_only: bool
) -> str:
    cleaned = [clean(text, ascii_only=ascii_only).rstrip() for text in texts]
    return "\n".join(text if width is None else clip(text, width) for text in cleaned)
