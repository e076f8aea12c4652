"""Leaves out what would hide the rest of an image: the arrows of large updates.

An optimizer takes an arrow from every parameter. Two of them tell a story, fifty cover
the forward pass, and they pull every parameter to the top of the picture.
"""

from collections import Counter
from dataclasses import replace
from typing import Final

from graphscope.diagram.model import ArrowKind, BoxKind, Diagram

_MAX_UPDATE_ARROWS: Final = 4


def thin_out(diagram: Diagram) -> Diagram:
    """Return `diagram` without the arrows into crowded updates; a note says so."""
    counts = Counter(a.target for a in diagram.arrows if a.kind is ArrowKind.UPDATE)
    crowded = {
        box.id: box.title
        for box in diagram.boxes
        if counts[box.id] > _MAX_UPDATE_ARROWS
    }
    if not crowded:
        return diagram
    arrows = tuple(
        arrow
        for arrow in diagram.arrows
        if arrow.kind is not ArrowKind.UPDATE or arrow.target not in crowded
    )
    notes = tuple(
        f"{counts[box]} arrows into the update {title} are not drawn."
        for box, title in crowded.items()
    )
    return replace(diagram, arrows=arrows, notes=(*diagram.notes, *notes))


def find_anchors(diagram: Diagram) -> tuple[tuple[str, str], ...]:
    """Return pairs of boxes of which the second should stand below the first.

    Updates without arrows come after the loss, as they do in time.
    """
    targets = {arrow.target for arrow in diagram.arrows}
    sources = {arrow.source for arrow in diagram.arrows}
    roots = [box.id for box in diagram.boxes if box.kind is BoxKind.ROOT]
    ends = [root for root in roots if root not in sources]
    return tuple(
        (ends[-1], box.id)
        for box in diagram.boxes
        if ends and box.kind is BoxKind.UPDATE and box.id not in targets | sources
    )
