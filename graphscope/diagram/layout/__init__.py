"""Where boxes and arrows go: a layered layout on integers, for terminals and images.

Pure Python without dependencies. The stages are the files of this package, in this
order: `ranks`, `layers`, `ordering`, `alignment` and `coordinates`, `ports`,
`channels`, `routing`. Nothing here recurses, and equal input gives equal output.
"""

from collections.abc import Mapping, Sequence

from graphscope.diagram.layout import layers as _layers
from graphscope.diagram.layout.coordinates import place_columns
from graphscope.diagram.layout.layers import Layers, build_layers
from graphscope.diagram.layout.model import (
    CELLS,
    POINTS,
    Layout,
    LayoutOptions,
    Rect,
    Route,
    Stub,
)
from graphscope.diagram.layout.ordering import order_rows
from graphscope.diagram.layout.routing import Grid, box_place, build_grid, trace_route

__all__ = [
    "CELLS",
    "POINTS",
    "Layout",
    "LayoutOptions",
    "Rect",
    "Route",
    "Stub",
    "find_stubs",
    "lay_out",
]

Size = tuple[int, int]


def lay_out(
    sizes: Mapping[str, Size],
    edges: Sequence[tuple[str, str]],
    options: LayoutOptions = CELLS,
    *,
    labels: Mapping[int, Size] | None = None,
) -> Layout:
    """Return where boxes and edges go.

    Args:
        sizes: Box id -> width and height, both at least 1. A box with many arrows
            into it may come out wider.
        edges: Source and target ids, in the direction of the arrows.
        options: Distances in the unit of the sizes: `CELLS`, `POINTS` or your own.
        labels: Edge index -> width and height of its label.

    Raises:
        KeyError: An edge names an id that has no size.

    Example:
        >>> layout = lay_out({"a": (5, 3), "b": (5, 3)}, [("a", "b")])
        >>> layout.places["b"]
        Rect(x=0, y=5, width=5, height=3)
        >>> layout.routes[0].points
        ((2, 3), (2, 5))
    """
    number = {name: index for index, name in enumerate(sizes)}
    pairs = [(number[source], number[target]) for source, target in edges]
    layers = build_layers(list(sizes.values()), pairs, labels or {}, options)
    order_rows(layers)
    columns = place_columns(layers, options)
    grid = build_grid(layers, columns, options)
    boxes = [
        box_place(layers, grid, columns, node, centred=options.centred)
        for node in range(layers.boxes)
    ]
    routes = tuple(
        Route(index, trace_route(path, grid, (boxes[path[0]], boxes[path[-1]])))
        for index, path in sorted(layers.paths.items())
    )
    places = _label_places(layers, grid, columns, options)
    return _shift_to_origin(
        Layout(
            places=dict(zip(sizes, boxes, strict=True)),
            routes=routes,
            stubs=tuple(Stub(index) for index in layers.stubs),
            label_places=places,
        )
    )


def find_stubs(
    ids: Sequence[str], edges: Sequence[tuple[str, str]], options: LayoutOptions = CELLS
) -> tuple[int, ...]:
    """Return the indices of the edges that `lay_out` would leave out.

    Cheap, and independent of the sizes: a renderer asks first and then writes the
    missing ends into the boxes.
    """
    number = {name: index for index, name in enumerate(ids)}
    pairs = [(number[source], number[target]) for source, target in edges]
    return tuple(_layers.find_stubs(len(number), pairs, options))


def _label_places(
    layers: Layers, grid: Grid, columns: Sequence[int], options: LayoutOptions
) -> dict[int, Rect]:
    places = {}
    for index, node in sorted(layers.label_nodes.items()):
        x = columns[node] + 1 + options.label_gap
        width = layers.right[node] - 1 - options.label_gap
        y = grid.tops[grid.row_of[node]]
        places[index] = Rect(x, y, width, layers.height[node])
    return places


def _shift_to_origin(layout: Layout) -> Layout:
    """Move everything so that the leftmost column in use is 0, and measure it."""
    rects = [*layout.places.values(), *layout.label_places.values()]
    points = [point for route in layout.routes for point in route.points]
    if not rects:
        return layout
    left = min([rect.x for rect in rects] + [x for x, _ in points])

    def move(rect: Rect) -> Rect:
        return Rect(rect.x - left, rect.y, rect.width, rect.height)

    right = max([rect.right for rect in rects] + [x + 1 for x, _ in points])
    return Layout(
        places={name: move(rect) for name, rect in layout.places.items()},
        routes=tuple(
            Route(r.edge_index, tuple((x - left, y) for x, y in r.points))
            for r in layout.routes
        ),
        stubs=layout.stubs,
        label_places={i: move(rect) for i, rect in layout.label_places.items()},
        width=right - left,
        height=max(rect.bottom for rect in rects),
    )
