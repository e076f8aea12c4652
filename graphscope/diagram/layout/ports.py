"""In which columns an edge leaves a node and enters the next.

No two edges enter a node in the same column. All edges of a node leave together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.diagram.layout.layers import Layers
from graphscope.diagram.layout.model import LayoutOptions


@dataclass(frozen=True, slots=True)
class Ports:
    """Columns of the ends of edges.

    Attributes:
        entries: (upper node, lower node) -> where the edge enters the lower node.
        exits: For each node, where its edges leave it.
    """

    entries: dict[tuple[int, int], int]
    exits: list[int]


def place_ports(
    layers: Layers, columns: Sequence[int], options: LayoutOptions
) -> Ports:
    """Return where edges enter and leave; as few as possible need corners."""
    entries: dict[tuple[int, int], int] = {}
    for node, ups in enumerate(layers.ups):
        if not layers.is_box(node):
            entries.update({(upper, node): columns[node] for upper in ups})
            continue
        ordered = sorted(ups, key=lambda upper: (columns[upper], upper))
        room = box_entrance(layers, columns, node, options)
        wanted = [columns[upper] for upper in ordered]
        if len(wanted) == 1 and not room[0] <= wanted[0] <= room[1]:
            wanted = [columns[node]]  # a lone arrow from the side enters in the middle
        found = _spread(wanted, room, options.port_gap)
        entries.update(zip([(upper, node) for upper in ordered], found, strict=True))
    exits = list(columns)
    for node, downs in enumerate(layers.downs[: layers.boxes]):
        entry = entries[node, downs[0]] if len(downs) == 1 else columns[node]
        shift = entry - columns[node]
        if abs(shift) <= exit_tolerance(layers, node):
            exits[node] = entry
    return Ports(entries, exits)


def box_entrance(
    layers: Layers, columns: Sequence[int], node: int, options: LayoutOptions
) -> tuple[int, int]:
    """Return the first and last column in which an edge may touch the node."""
    if not layers.is_box(node):
        return columns[node], columns[node]
    first = columns[node] - layers.left[node] + options.port_inset
    return first, columns[node] + layers.right[node] - 1 - options.port_inset


def exit_tolerance(layers: Layers, node: int) -> int:
    """Return how far from the middle of a box an edge may leave it.

    A small shift saves two corners side by side; a large one looks wrong.
    """
    return (layers.left[node] + layers.right[node]) // 8


def _spread(wanted: Sequence[int], room: tuple[int, int], gap: int) -> list[int]:
    """Return columns near the wanted ones, inside the room, `gap` apart."""
    first, last = room
    found = [min(max(x, first), last) for x in wanted]
    for index in range(1, len(found)):
        found[index] = max(found[index], found[index - 1] + gap)
    limit = last
    for index in range(len(found) - 1, -1, -1):
        found[index] = min(found[index], limit)
        limit = found[index] - gap
    return found
