"""The drawn line of an arrow: SVG path data and the triangle at its tip."""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from typing import Final

from graphscope.render.geometry import Point, Route

HEAD_LENGTH: Final = 8.0
HEAD_WIDTH: Final = 7.0

_CORNER: Final = 7.0
_CURVE_STEP: Final = 3


def number_text(number: float) -> str:
    """Write a coordinate with at most two decimals.

    >>> number_text(3.0), number_text(2.346)
    ('3', '2.35')
    """
    return f"{round(number, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def path_data(route: Route, *, scale: float = 1.0) -> str:
    """Return the `d` of an SVG path that ends where the arrow's head begins.

    Args:
        route: The way of the arrow.
        scale: How much larger than usual the head is.
    """
    base = _towards(route.points[-1], route.points[-2], HEAD_LENGTH * scale - 1)
    if route.is_curve:
        return _curve_data(route.points[:-1], base)
    return _polyline_data((*route.points[:-1], base))


def head_points(route: Route, *, scale: float = 1.0) -> tuple[Point, Point, Point]:
    """Return the triangle at the tip: first the tip itself."""
    tip = route.points[-1]
    base = _towards(tip, route.points[-2], HEAD_LENGTH * scale)
    length = hypot(tip[0] - base[0], tip[1] - base[1]) or 1.0
    across = (tip[1] - base[1]) / length * HEAD_WIDTH * scale / 2
    along = (tip[0] - base[0]) / length * HEAD_WIDTH * scale / 2
    left = (base[0] + across, base[1] - along)
    right = (base[0] - across, base[1] + along)
    return tip, left, right


def _curve_data(points: Sequence[Point], end: Point) -> str:
    parts = [f"M{_pair(points[0])}"]
    for start in range(1, len(points), _CURVE_STEP):
        controls = points[start : start + _CURVE_STEP]
        parts.append(f"C{' '.join(map(_pair, controls))}")
    return "".join([*parts, f"L{_pair(end)}"])


def _polyline_data(points: Sequence[Point]) -> str:
    parts = [f"M{_pair(points[0])}"]
    for (before, corner), (_, after) in pairwise(pairwise(points)):
        entry = _towards(corner, before, _radius(corner, before))
        leave = _towards(corner, after, _radius(corner, after))
        parts.append(f"L{_pair(entry)}Q{_pair(corner)} {_pair(leave)}")
    return "".join([*parts, f"L{_pair(points[-1])}"])


def _radius(corner: Point, other: Point) -> float:
    return min(_CORNER, hypot(corner[0] - other[0], corner[1] - other[1]) / 2)


def _towards(start: Point, goal: Point, distance: float) -> Point:
    x, y = goal[0] - start[0], goal[1] - start[1]
    length = hypot(x, y)
    if length == 0:
        return start[0], start[1] - distance  # arrows come from above
    return start[0] + x / length * distance, start[1] + y / length * distance


def _pair(point: Point) -> str:
    return f"{number_text(point[0])},{number_text(point[1])}"
