"""Places a diagram with our own layered layout: the engine that is always there."""

from collections.abc import Iterator
from math import ceil
from typing import Final

from graphscope.diagram.layout import POINTS, Layout, lay_out
from graphscope.diagram.model import Diagram
from graphscope.render.geometry import Geometry, Rect, Route, ScopeFrame
from graphscope.render.lettering import SCOPE_SIZE, letter_arrow, letter_box
from graphscope.render.scopes import ScopeGroup, group_by_scope
from graphscope.render.thinning import find_anchors

_LABEL_AIR: Final = 6
_SCOPE_PADDING: Final = 8.0
_SCOPE_HEAD: Final = SCOPE_SIZE + 7


def lay_out_builtin(diagram: Diagram) -> Geometry:
    """Return where everything in `diagram` goes; it cannot fail."""
    texts = [letter_box(box) for box in diagram.boxes]
    sizes = {
        box.id: (ceil(text.width), ceil(text.height))
        for box, text in zip(diagram.boxes, texts, strict=True)
    }
    labels = {
        index: (ceil(text.width), ceil(text.height) + _LABEL_AIR)
        for index, text in enumerate(map(letter_arrow, diagram.arrows))
        if text.lines
    }
    edges = [(arrow.source, arrow.target) for arrow in diagram.arrows]
    unseen = find_anchors(diagram)
    layout = lay_out(sizes, [*edges, *unseen], POINTS, labels=labels)
    places = [layout.places[box.id] for box in diagram.boxes]
    boxes = tuple(Rect(p.x, p.y, p.width, p.height) for p in places)
    root = group_by_scope(diagram.boxes)
    geometry = Geometry(
        engine="builtin",
        width=float(layout.width),
        height=float(layout.height),
        boxes=boxes,
        routes=_read_routes(layout, len(edges)),
        scopes=tuple(_frame_scopes(root, boxes, "")),
    )
    return _include_frames(geometry)


def _read_routes(layout: Layout, count: int) -> tuple[Route | None, ...]:
    routes: list[Route | None] = [None] * count
    for route in layout.routes:
        if route.edge_index >= count:
            continue  # an anchor
        place = layout.label_places.get(route.edge_index)
        label = None
        if place is not None:
            label = (place.x + place.width / 2, place.y + place.height / 2)
        points = tuple((float(x), float(y)) for x, y in route.points)
        routes[route.edge_index] = Route(points, label=label)
    return tuple(routes)


def _frame_scopes(
    group: ScopeGroup, boxes: tuple[Rect, ...], above: str
) -> Iterator[ScopeFrame]:
    """Frame the scopes whose boxes came to stand together.

    The layout knows nothing of scopes: a frame that would also hold strangers, or cut
    through one, would say something wrong; it is left out, and its label, `above`,
    goes to the frames inside.
    """
    for inner in group.groups.values():
        members = set(inner.members())
        frame = _surround(inner, boxes)
        label = f"{above}.{inner.label}" if above else inner.label
        strangers = (box for i, box in enumerate(boxes) if i not in members)
        if not any(_overlap(frame, box) for box in strangers):
            yield ScopeFrame(label, frame)
            label = ""
        yield from _frame_scopes(inner, boxes, label)


def _include_frames(geometry: Geometry) -> Geometry:
    """Make room at the sides for frames, which stand out over the layout."""
    rects = [scope.rect for scope in geometry.scopes]
    left = max([0.0, *(-rect.x for rect in rects)])
    top = max([0.0, *(-rect.y for rect in rects)])
    right = max([geometry.width, *(rect.right for rect in rects)])
    bottom = max([geometry.height, *(rect.bottom for rect in rects)])
    return geometry.moved(left, top, width=right + left, height=bottom + top)


def _surround(group: ScopeGroup, boxes: tuple[Rect, ...]) -> Rect:
    members = [boxes[i] for i in group.boxes]
    members += [_surround(inner, boxes) for inner in group.groups.values()]
    left = min(rect.x for rect in members) - _SCOPE_PADDING
    top = min(rect.y for rect in members) - _SCOPE_PADDING - _SCOPE_HEAD
    right = max(rect.right for rect in members) + _SCOPE_PADDING
    bottom = max(rect.bottom for rect in members) + _SCOPE_PADDING
    return Rect(left, top, right - left, bottom - top)


def _overlap(one: Rect, other: Rect) -> bool:
    beside = one.right <= other.x or other.right <= one.x
    return not (beside or one.bottom <= other.y or other.bottom <= one.y)
