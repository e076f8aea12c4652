"""Moves leaves with one reader to where their edge is straight, if there is room.

Without this, an edge that is nearly straight has two corners side by side.
"""

from collections.abc import Sequence

from graphscope.diagram.layout.layers import Layers
from graphscope.diagram.layout.model import LayoutOptions
from graphscope.diagram.layout.ports import box_entrance, exit_tolerance
from graphscope.diagram.layout.separation import Separation

Range = tuple[int, int]
_FAR = 1 << 60


def settle_leaves(layers: Layers, columns: list[int], options: LayoutOptions) -> None:
    """Change `columns` of leaves, and of the dummies on their edges, in place."""
    separation = Separation(layers, options)
    at = {node: (row, i) for row in layers.rows for i, node in enumerate(row)}
    for leaf in range(layers.boxes):
        if layers.ups[leaf] or len(layers.downs[leaf]) != 1:
            continue
        dummies, reader = _follow(layers, leaf)
        ranges = {
            node: _free_range(at[node], columns, separation)
            for node in (leaf, *dummies)
        }
        tolerance, own = exit_tolerance(layers, leaf), ranges[leaf]
        entrance = box_entrance(layers, columns, reader, options)
        wanted = _clamp(columns[leaf], entrance)
        wanted = _clamp(wanted, (own[0] - tolerance, own[1] + tolerance))
        if not entrance[0] <= wanted <= entrance[1]:
            wanted = _clamp(wanted, own)
        if all(ranges[d][0] <= wanted <= ranges[d][1] for d in dummies):
            columns[leaf] = _clamp(wanted, own)
            for dummy in dummies:
                columns[dummy] = wanted


def _follow(layers: Layers, leaf: int) -> tuple[list[int], int]:
    """Return the dummies under a leaf that are only its own, and what comes then."""
    dummies: list[int] = []
    node = layers.downs[leaf][0]
    while not layers.is_box(node) and len(layers.downs[node]) == 1:
        dummies.append(node)
        node = layers.downs[node][0]
    return dummies, node


def _free_range(
    place: tuple[Sequence[int], int], columns: Sequence[int], separation: Separation
) -> Range:
    """Return the columns in which a node can stand between its neighbours."""
    row, index = place
    first, last = -_FAR, _FAR
    if index:
        before = row[index - 1]
        first = columns[before] + separation.between(before, row[index])
    if index + 1 < len(row):
        after = row[index + 1]
        last = columns[after] - separation.between(row[index], after)
    return first, last


def _clamp(x: int, room: Range) -> int:
    return max(min(x, room[1]), room[0])
