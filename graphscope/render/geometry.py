"""Where boxes, arrows and scopes of one diagram are: what every engine answers.

Coordinates are in pixels, the origin is the top left corner, y grows downwards. All
sequences are parallel to those of the `Diagram`: `boxes[3]` is the place of
`diagram.boxes[3]`.
"""

from dataclasses import dataclass, replace

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle; `x` and `y` are its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower side."""
        return self.y + self.height

    @property
    def center(self) -> Point:
        """The middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def moved(self, x: float, y: float) -> "Rect":
        """Return it, further right by `x` and down by `y`."""
        return Rect(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one arrow; the last point is the tip.

    Attributes:
        points: Corners of a polyline, or, when `is_curve`, a start and then three
            points for each cubic Bézier segment, followed by the tip.
        is_curve: Which of the two.
        label: Centre of the arrow's label, None when it has none.
    """

    points: tuple[Point, ...]
    is_curve: bool = False
    label: Point | None = None

    def moved(self, x: float, y: float) -> "Route":
        """Return it, further right by `x` and down by `y`."""
        points = tuple((px + x, py + y) for px, py in self.points)
        label = self.label and (self.label[0] + x, self.label[1] + y)
        return replace(self, points=points, label=label)


@dataclass(frozen=True, slots=True)
class ScopeFrame:
    """The rectangle around a module's boxes; outer frames come before inner ones."""

    label: str
    rect: Rect


@dataclass(frozen=True, slots=True)
class Geometry:
    """A laid-out diagram.

    Attributes:
        engine: Who laid it out: `dot`, `wasm`, `builtin`.
        width: Of everything.
        height: Of everything.
        boxes: One place for each box.
        routes: One way for each arrow; None for one that is not drawn (a loop).
        scopes: Frames of module scopes, empty when the engine draws none.
    """

    engine: str
    width: float
    height: float
    boxes: tuple[Rect, ...]
    routes: tuple[Route | None, ...]
    scopes: tuple[ScopeFrame, ...] = ()

    def moved(self, x: float, y: float, *, width: float, height: float) -> "Geometry":
        """Return it with everything moved right and down, on a sheet of a new size."""
        return replace(
            self,
            width=width,
            height=height,
            boxes=tuple(box.moved(x, y) for box in self.boxes),
            routes=tuple(route and route.moved(x, y) for route in self.routes),
            scopes=tuple(
                ScopeFrame(scope.label, scope.rect.moved(x, y)) for scope in self.scopes
            ),
        )
