"""What a character picture is: lines, and what each part of a line stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from graphscope.diagram.layout import Rect


class SpanKind(StrEnum):
    """What a part of a line is, for colouring."""

    BOX = "box"  # border and inside of a box
    MARKER = "marker"  # the sign of the box's kind; a node on a rail
    TITLE = "title"
    TEXT = "text"  # the other lines in a box, the other columns of a rail row
    GRADIENT = "gradient"  # a rail row's gradient column
    STUB = "stub"  # names the far end of an arrow that is not drawn
    ARROW = "arrow"
    HEAD = "head"
    LABEL = "label"  # text on an arrow
    RAIL = "rail"


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a line.

    Attributes:
        start: First terminal cell.
        end: One past the last cell.
        kind: What it is.
        box: Id of the box that it belongs to, if any.
        arrow: Index in `Diagram.arrows`, if it belongs to an arrow. Where arrows from
            one box share a line, the first of them.
        event: Index of the event that made it true: dim it before. None is true from
            the start.
    """

    start: int
    end: int
    kind: SpanKind
    box: str | None = None
    arrow: int | None = None
    event: int | None = None


@dataclass(frozen=True, slots=True)
class TextPicture:
    """A picture of characters.

    Attributes:
        lines: Without trailing spaces.
        regions: Box id -> the cells that show it; a whole row on a rail.
        spans: For each line, sorted and without overlaps. Cells between spans are
            empty. Positions count cells, not characters.
    """

    lines: tuple[str, ...] = ()
    regions: Mapping[str, Rect] = field(default_factory=dict)
    spans: tuple[tuple[Span, ...], ...] = ()

    @property
    def width(self) -> int:
        """Cells of the widest line."""
        return max((line[-1].end for line in self.spans if line), default=0)
