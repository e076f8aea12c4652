"""Which nodes stand exactly under one another: the vertical blocks of a layout.

Source: U. Brandes, B. Köpf, "Fast and simple horizontal coordinate assignment",
2002. Ours differs in one point: the longest chain through a node, and pieces of long
edges, are aligned before anything else, so that parameters do not bend the chain.
"""

from collections.abc import Sequence

from graphscope.diagram.layout.layers import Layers

NONE = -1


def find_spine(layers: Layers) -> tuple[list[int], list[int]]:
    """Return for each node its neighbour above and below on the longest chain.

    Only neighbours that choose each other count; a node between two equally long
    chains has none and will stand between them.
    """
    above = _count_boxes(layers, layers.rows, layers.ups)
    below = _count_boxes(layers, layers.rows[::-1], layers.downs)
    count = len(layers.left)
    up, down = [NONE] * count, [NONE] * count
    for node in range(count):
        parent = _clear_winner(layers.ups[node], above)
        if parent == NONE:
            continue
        rivals = [n for n in layers.downs[parent] if _wants(layers, n, parent, above)]
        if node == _clear_winner(rivals, below):
            up[node], down[parent] = parent, node
    return up, down


def _wants(layers: Layers, node: int, parent: int, above: Sequence[int]) -> bool:
    return _clear_winner(layers.ups[node], above) == parent


def _count_boxes(
    layers: Layers, rows: Sequence[Sequence[int]], near: Sequence[Sequence[int]]
) -> list[int]:
    """Return how many boxes the longest chain that ends in each node has."""
    depth = [0] * len(near)
    for row in rows:
        for node in row:
            best = max((depth[n] for n in near[node]), default=0)
            depth[node] = best + layers.is_box(node)
    return depth


def _clear_winner(nodes: Sequence[int], depth: Sequence[int]) -> int:
    best = max((depth[node] for node in nodes), default=0)
    winners = [node for node in nodes if depth[node] == best]
    return winners[0] if len(winners) == 1 else NONE


def align_rows(
    rows: Sequence[Sequence[int]],
    near: Sequence[Sequence[int]],
    spine: Sequence[int],
    is_dummy: Sequence[bool],
) -> list[int]:
    """Return for each node the first node of its block.

    Args:
        rows: Rows in the order of the sweep, each in the direction of the sweep.
        near: Neighbours of each node in the row before.
        spine: Preferred neighbour of each node in the row before, or -1.
        is_dummy: Which nodes are pieces of edges.
    """
    root = list(range(len(near)))
    position = [0] * len(near)
    for row in rows:
        taken = _align_row(row, near, (position, spine, is_dummy))
        for index, node in enumerate(row):
            position[node] = index
            if taken[index] != NONE:
                root[node] = root[taken[index]]
    return root


def _align_row(
    row: Sequence[int],
    near: Sequence[Sequence[int]],
    hints: tuple[Sequence[int], Sequence[int], Sequence[bool]],
) -> list[int]:
    """Choose a partner in the row before for each node, without crossings."""
    position, spine, is_dummy = hints
    taken = [NONE] * len(row)
    straight = [
        [n for n in near[node] if is_dummy[node] and is_dummy[n]][:1] for node in row
    ]
    medians = [_medians(near[node], position) for node in row]
    first = [[spine[node]] if spine[node] != NONE else [] for node in row]
    for candidates in (first, straight, medians):
        _take(candidates, taken, position)
    return taken


def _take(
    candidates: Sequence[Sequence[int]], taken: list[int], position: Sequence[int]
) -> None:
    limits, limit = [len(position)] * len(taken), len(position)
    for index in range(len(taken) - 1, -1, -1):
        limits[index] = limit
        if taken[index] != NONE:
            limit = position[taken[index]]
    last = -1
    for index, choices in enumerate(candidates):
        if taken[index] == NONE:
            fits = [n for n in choices if last < position[n] < limits[index]]
            taken[index] = fits[0] if fits else NONE
        if taken[index] != NONE:
            last = position[taken[index]]


def _medians(nodes: Sequence[int], position: Sequence[int]) -> list[int]:
    ordered = sorted(nodes, key=position.__getitem__)
    middle = (len(ordered) - 1) // 2
    return ordered[middle : len(ordered) // 2 + 1]
