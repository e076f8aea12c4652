"""What goes into a layout and what comes out of it: options, rectangles, routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """Distances, in the caller's unit: a character cell or a point.

    Attributes:
        gap_x: Free columns between two boxes of one rank.
        gap_y: Least free rows between two ranks of boxes.
        lane_gap: Free columns beside an edge that passes between boxes.
        track_gap: Distance between two parallel horizontal pieces of edges.
        lead: Rows between a rank and the first horizontal piece under it.
        head_room: Rows kept free above a box for arrow heads.
        port_gap: Least distance between two arrows that enter the same box. A box is
            made wider where that needs more room than it has.
        port_inset: Columns at both ends of a box where no arrow enters (corners).
        label_gap: Free columns between an edge and its label.
        max_span: Edges over more ranks than this become stubs; None is no limit.
        centred: Whether boxes of different height in a rank share their middle line;
            otherwise they share their top line.
    """

    gap_x: int = 3
    gap_y: int = 2
    lane_gap: int = 2
    track_gap: int = 1
    lead: int = 0
    head_room: int = 1
    port_gap: int = 2
    port_inset: int = 1
    label_gap: int = 1
    max_span: int | None = 12
    centred: bool = False


CELLS = LayoutOptions()
POINTS = LayoutOptions(
    gap_x=24,
    gap_y=36,
    lane_gap=12,
    track_gap=10,
    lead=10,
    head_room=16,
    port_gap=14,
    port_inset=10,
    label_gap=4,
    max_span=None,
    centred=True,
)


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle: columns `x .. x + width - 1`, rows `y .. y + height - 1`."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column to the right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.y + self.height

    def overlaps(self, other: "Rect") -> bool:
        """Whether the two share a cell."""
        beside = self.right <= other.x or other.right <= self.x
        return not (beside or self.bottom <= other.y or other.bottom <= self.y)


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one edge, along the axes and downwards.

    `points` starts at `(x, bottom)` of the source (its first free row) and ends at
    `(x, y)` of the target (its first own row). On a character grid the arrow head
    therefore belongs in the row above the last point.
    """

    edge_index: int
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Stub:
    """An edge that is not drawn as a line.

    It spans too many ranks, leads to its own source, or would close a cycle.
    """

    edge_index: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes. All coordinates are at least 0.

    Attributes:
        places: Box id -> its rectangle, in the order of the input.
        routes: One for each edge that is drawn, in the order of the edges.
        stubs: The edges that are not, in the order of the edges.
        label_places: Edge index -> the rectangle of its label, right of the line.
        width: First column right of everything.
        height: First row below everything.
    """

    places: Mapping[str, Rect] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    stubs: tuple[Stub, ...] = ()
    label_places: Mapping[int, Rect] = field(default_factory=dict)
    width: int = 0
    height: int = 0
