"""In which column a node stands.

Four drawings are made, each as far to one side as its blocks allow; a node takes the
mean of the two middle ones. Integers throughout: separations survive the mean.

Source: U. Brandes, B. Köpf, "Fast and simple horizontal coordinate assignment", 2002.
"""

from collections.abc import Sequence
from itertools import pairwise

from graphscope.diagram.layout.alignment import align_rows, find_spine
from graphscope.diagram.layout.layers import Layers
from graphscope.diagram.layout.model import LayoutOptions
from graphscope.diagram.layout.separation import Separation
from graphscope.diagram.layout.settling import settle_leaves


def place_columns(layers: Layers, options: LayoutOptions) -> list[int]:
    """Return the column of each node; the leftmost extent of all is 0."""
    if not layers.left:
        return []
    up, down = find_spine(layers)
    is_dummy = [not layers.is_box(node) for node in range(len(layers.left))]
    drawings = []
    for is_upward in (False, True):
        for is_mirrored in (False, True):
            rows = layers.rows[::-1] if is_upward else layers.rows
            near, spine = (layers.downs, down) if is_upward else (layers.ups, up)
            turned = [row[::-1] for row in rows] if is_mirrored else rows
            root = align_rows(turned, near, spine, is_dummy)
            columns = _compact(
                turned, root, Separation(layers, options, is_mirrored=is_mirrored)
            )
            drawings.append([-x for x in columns] if is_mirrored else columns)
    columns = _balance(layers, drawings)
    settle_leaves(layers, columns, options)
    leftmost = min(x - a for x, a in zip(columns, layers.left, strict=True))
    return [x - leftmost for x in columns]


def _compact(
    rows: Sequence[Sequence[int]], root: Sequence[int], separation: Separation
) -> list[int]:
    """Push every block to the left as far as it goes; close gaps from the right."""
    after: dict[int, list[tuple[int, int]]] = {node: [] for node in set(root)}
    waiting = dict.fromkeys(after, 0)
    for row in rows:
        for first, second in pairwise(row):
            distance = separation.between(first, second)
            after[root[first]].append((root[second], distance))
            waiting[root[second]] += 1
    column = dict.fromkeys(after, 0)
    ready = sorted(block for block in after if not waiting[block])
    free = set(ready)
    for block in ready:  # grows while it is read
        for other, distance in after[block]:
            column[other] = max(column[other], column[block] + distance)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for block in reversed(ready):
        if block in free and after[block]:
            column[block] = min(column[other] - d for other, d in after[block])
    return [column[block] for block in root]


def _balance(layers: Layers, drawings: Sequence[Sequence[int]]) -> list[int]:
    edges = [_extent(layers, columns) for columns in drawings]
    narrowest = min(edges, key=lambda edge: edge[1] - edge[0])
    shifted = []
    for index, columns in enumerate(drawings):
        side = index % 2  # mirrored drawings are flush right
        shift = narrowest[side] - edges[index][side]
        shifted.append([x + shift for x in columns])
    middles = [sorted(four) for four in zip(*shifted, strict=True)]
    return [(four[1] + four[2]) // 2 for four in middles]


def _extent(layers: Layers, columns: Sequence[int]) -> tuple[int, int]:
    left = min(x - a for x, a in zip(columns, layers.left, strict=True))
    right = max(x + b for x, b in zip(columns, layers.right, strict=True))
    return left, right
