"""What a user can choose about a picture of one step."""

from dataclasses import dataclass

from graphscope.diagram.model import Style

PathEnds = tuple[str | int, str | int | None]
"""Leaf and root: the user's names, or ids; no root is what backward started from."""


@dataclass(frozen=True, slots=True)
class DiagramOptions:
    """How much of a step to draw, and in which of the two styles.

    Attributes:
        style: Ops as boxes, or named values as boxes with local derivatives.
        depth: Modules nested this deep are drawn as one box each (1: the children of
            the model); 0 joins neighbours that run inside of any submodule. Ops that
            the model's own forward calls are in no submodule and stay boxes. None
            draws every op.
        max_boxes: Above this many boxes the diagram is collapsed until it fits.
        pass_index: Draw only this pass (0-based) of the step; None draws all of them
            side by side.
        lecture: Draw what a slide writes as one formula as one box.
        path: Mark the way of the gradient between these two; None marks nothing.
    """

    style: Style = Style.OPERATIONS
    depth: int | None = None
    max_boxes: int = 300
    pass_index: int | None = None
    lecture: bool = False
    path: PathEnds | None = None
