"""Marks the boxes and arrows of a draft that are on the path of a gradient."""

from dataclasses import replace

from graphscope.diagram.draft import Draft
from graphscope.diagram.highlight import Highlight
from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Style


def mark_path(draft: Draft, highlight: Highlight, style: Style) -> Draft:
    """Mark what the gradient goes through.

    In the variables style the marked boxes also say the product of the factors so far.
    """
    marked = [_mark_box(box, highlight, style) for box in draft.boxes]
    boxes = {box.id: box for box in marked}
    arrows = tuple(
        replace(arrow, is_highlighted=True)
        if _is_on_path(arrow, boxes[arrow.target], highlight)
        else arrow
        for arrow in draft.arrows
    )
    return Draft(tuple(marked), arrows, draft.leaves)


def _mark_box(box: Box, highlight: Highlight, style: Style) -> Box:
    if box.kind is BoxKind.UPDATE or not _is_passed(box, highlight):
        return box
    if style is not Style.VARIABLES:
        return replace(box, is_highlighted=True)
    products = (highlight.products.get(value, ()) for value in box.values[:1])
    lines = (line for found in products for line in found)
    return replace(box, is_highlighted=True, lines=(*box.lines, *lines))


def _is_passed(box: Box, highlight: Highlight) -> bool:
    """Whether the gradient goes through a box: its op, or the one value that it is."""
    main = box.values[0] if box.values else None
    if box.id == f"v{main}":
        return main in highlight.values
    return any(op in highlight.ops for op in box.ops)


def _is_on_path(arrow: Arrow, target: Box, highlight: Highlight) -> bool:
    if arrow.kind is not ArrowKind.FLOW or not target.is_highlighted:
        return False
    if not target.ops:  # from an op to the box of what backward started from
        return arrow.value in highlight.values
    return any((arrow.value, op) in highlight.links for op in target.ops)
