"""Reads where Graphviz put things, from its `json0` output."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from graphscope.diagram.model import Arrow, Diagram
from graphscope.render.dot import POINTS_PER_INCH, cluster_name
from graphscope.render.failure import EngineError
from graphscope.render.geometry import Geometry, Point, Rect, Route, ScopeFrame
from graphscope.render.scopes import group_by_scope

_CURVE_STEP: Final = 3


def read_geometry(text: str, diagram: Diagram, engine: str) -> Geometry:
    """Return the places in `text`, which was made from `to_layout_dot(diagram)`.

    Raises:
        EngineError: It is not what Graphviz writes for this diagram.
    """
    try:
        return _read(json.loads(text), diagram, engine)
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        raise EngineError("its output is not a layout of this diagram") from error


def _read(data: Mapping[str, Any], diagram: Diagram, engine: str) -> Geometry:
    _, _, width, height = _numbers(data["bb"])
    found = {item["name"]: item for item in data.get("objects", ())}
    edges = {item["id"]: item for item in data.get("edges", ()) if "id" in item}
    routes = tuple(
        _read_route(edges[f"e{i}"], height, arrow)
        for i, arrow in enumerate(diagram.arrows)
    )
    boxes = (_read_box(found[f"n{i}"], height) for i in range(len(diagram.boxes)))
    scopes = (
        ScopeFrame(group.label, _read_frame(found[cluster_name(group)], height))
        for group in group_by_scope(diagram.boxes).descendants()
    )
    return Geometry(engine, width, height, tuple(boxes), routes, tuple(scopes))


def _read_frame(item: Mapping[str, str], height: float) -> Rect:
    left, low, right, high = _numbers(item["bb"])
    return Rect(left, height - high, right - left, high - low)


def _read_box(item: Mapping[str, str], height: float) -> Rect:
    x, y = _read_point(item["pos"], height)
    wide = float(item["width"]) * POINTS_PER_INCH
    high = float(item["height"]) * POINTS_PER_INCH
    return Rect(x - wide / 2, y - high / 2, wide, high)


def _read_route(item: Mapping[str, str], height: float, arrow: Arrow) -> Route:
    # `e,x,y` is the tip; start and control points of the curve follow.
    words = item["pos"].split()
    if not words[0].startswith("e,") or len(words) % _CURVE_STEP != _CURVE_STEP - 1:
        raise ValueError(f"no curve from {arrow.source}")
    tip = _read_point(words[0].removeprefix("e,"), height)
    points = [_read_point(word, height) for word in words[1:]]
    label = _read_point(item["lp"], height) if "lp" in item else None
    return Route((*points, tip), is_curve=True, label=label)


def _read_point(text: str, height: float) -> Point:
    x, y = _numbers(text)
    return x, height - y


def _numbers(text: str) -> list[float]:
    numbers = [float(part) for part in text.split(",")]
    if not all(map(isfinite, numbers)):
        raise ValueError(text)
    return numbers
