"""From columns to the finished picture: heights of rows, and every edge's points."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from graphscope.diagram.layout.channels import Net, Wire, route_channel
from graphscope.diagram.layout.layers import Layers
from graphscope.diagram.layout.model import LayoutOptions, Rect
from graphscope.diagram.layout.ports import Ports, place_ports

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Channel:
    """The space under one row: its wires, and the height of its first track."""

    wires: dict[tuple[int, int], Wire]
    first_track: int
    track_gap: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Where rows begin, how high they are, and what runs between them."""

    tops: Sequence[int]
    heights: Sequence[int]
    channels: Sequence[Channel]
    ports: Ports
    row_of: dict[int, int]
    bottom: int


def build_grid(layers: Layers, columns: Sequence[int], options: LayoutOptions) -> Grid:
    """Stack the rows, with as much room between two as the edges there need."""
    ports = place_ports(layers, columns, options)
    heights = [max(layers.height[node] for node in row) for row in layers.rows]
    tops: list[int] = []
    channels: list[Channel] = []
    y = 0
    for index, row in enumerate(layers.rows):
        tops.append(y)
        y += heights[index]
        if index + 1 == len(layers.rows):
            break
        nets = [
            Net(
                node,
                ports.exits[node],
                tuple(ports.entries[node, n] for n in layers.downs[node]),
            )
            for node in row
            if layers.downs[node]
        ]
        wires, tracks = route_channel(nets, options.track_gap)
        channels.append(Channel(wires, y + options.lead, options.track_gap))
        y += _channel_height(layers, index, (tracks, options))
    row_of = {node: r for r, row in enumerate(layers.rows) for node in row}
    return Grid(tops, heights, channels, ports, row_of, y)


def _channel_height(
    layers: Layers, index: int, wanted: tuple[int, LayoutOptions]
) -> int:
    tracks, options = wanted
    upper, lower = layers.rows[index], layers.rows[index + 1]
    has_boxes = [any(layers.is_box(node) for node in row) for row in (upper, lower)]
    height = options.lead + tracks * options.track_gap if tracks else 0
    if has_boxes[1]:
        height += options.head_room
    return max(height, options.gap_y) if all(has_boxes) else height


def box_place(
    layers: Layers, grid: Grid, columns: Sequence[int], node: int, *, centred: bool
) -> Rect:
    """Return the rectangle of a box."""
    row = grid.row_of[node]
    spare = grid.heights[row] - layers.height[node]
    return Rect(
        columns[node] - layers.left[node],
        grid.tops[row] + (spare // 2 if centred else 0),
        layers.left[node] + layers.right[node],
        layers.height[node],
    )


def trace_route(
    path: Sequence[int], grid: Grid, ends: tuple[Rect, Rect]
) -> tuple[Point, ...]:
    """Return the corners of the edge that passes the nodes of `path`."""
    source, target = ends
    points: list[Point] = []
    for upper, lower in pairwise(path):
        channel = grid.channels[grid.row_of[upper]]
        wire = channel.wires[upper, grid.ports.entries[upper, lower]]
        if not points:
            points.append((wire.columns[0], source.bottom))
        for column, other, track in zip(
            wire.columns, wire.columns[1:], wire.tracks, strict=False
        ):
            y = channel.first_track + track * channel.track_gap
            points += [(column, y), (other, y)]
    points.append((points[-1][0], target.y))
    return tuple(_without_repeats(points))


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    """Drop repeated points, and points in the middle of a straight piece."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        is_straight = [x for x, _ in kept[-2:]] == [point[0]] * 2
        if is_straight:
            kept.pop()
        kept.append(point)
    return kept
