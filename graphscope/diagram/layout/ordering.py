"""In which order the nodes of a row stand, so that few edges cross.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of
hierarchical system structures", 1981 (barycentre sweeps); W. Barth, M. Jünger,
P. Mutzel, "Simple and efficient bilayer cross counting", 2002 (the counting).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from graphscope.diagram.layout.layers import Layers

SWEEPS = 24
PATIENCE = 6  # sweeps without an improvement before giving up
EXCHANGES = 8


def order_rows(layers: Layers) -> None:
    """Reorder `layers.rows` in place: the best of sweeps that begin down, and up."""
    start = _copy(layers.rows)
    best, fewest = _improve(layers, is_first_down=True)
    if fewest:
        layers.rows[:] = start
        other, crossings = _improve(layers, is_first_down=False)
        if crossings < fewest:
            best = other
    layers.rows[:] = best


def _improve(layers: Layers, *, is_first_down: bool) -> tuple[list[list[int]], int]:
    """Return the best order that some sweeps find, and its number of crossings."""
    position = [0] * len(layers.left)
    for row in layers.rows:
        _number(row, position)
    best, fewest, waited = _copy(layers.rows), count_crossings(layers), 0
    for sweep in range(SWEEPS):
        if fewest == 0 or waited == PATIENCE:
            break
        _sweep(layers, position, is_down=(sweep % 2 == 0) is is_first_down)
        crossings = count_crossings(layers)
        waited += 1
        if crossings < fewest:
            best, fewest, waited = _copy(layers.rows), crossings, 0
    layers.rows[:] = best
    if fewest:
        for row in layers.rows:
            _number(row, position)
        _exchange_neighbours(layers, position)
        best, fewest = _copy(layers.rows), count_crossings(layers)
    return best, fewest


def count_crossings(layers: Layers) -> int:
    """Return how many pairs of edges cross between neighbouring rows."""
    position = [0] * len(layers.left)
    for row in layers.rows:
        _number(row, position)
    return sum(
        _count_inversions(
            [p for node in row for p in sorted(position[n] for n in layers.downs[node])]
        )
        for row in layers.rows
    )


def _number(row: Sequence[int], position: list[int]) -> None:
    for index, node in enumerate(row):
        position[node] = index


def _copy(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(row) for row in rows]


def _sweep(layers: Layers, position: list[int], *, is_down: bool) -> None:
    rows = layers.rows[1:] if is_down else layers.rows[-2::-1]
    near = layers.ups if is_down else layers.downs
    for row in rows:
        keys = {
            node: sum(position[n] for n in near[node]) / len(near[node])
            if near[node]
            else float(position[node])
            for node in row
        }
        row.sort(key=keys.__getitem__)
        _number(row, position)


def _exchange_neighbours(layers: Layers, position: list[int]) -> None:
    """Swap nodes that stand side by side wherever that removes crossings."""
    for _ in range(EXCHANGES):
        swaps = 0
        for row in layers.rows:
            for index in range(len(row) - 1):
                first, second = row[index], row[index + 1]
                if _gain(layers, position, (first, second)) > 0:
                    row[index], row[index + 1] = second, first
                    position[first], position[second] = index + 1, index
                    swaps += 1
        if not swaps:
            return


def _gain(layers: Layers, position: Sequence[int], pair: tuple[int, int]) -> int:
    """Return how many crossings go away when the two change places."""
    gain = 0
    for near in (layers.ups, layers.downs):
        first, second = (sorted(position[n] for n in near[node]) for node in pair)
        for x in first:
            gain += bisect_left(second, x)
            gain -= len(second) - bisect_right(second, x)
    return gain


def _count_inversions(numbers: Sequence[int]) -> int:
    """Return the number of pairs in the wrong order, with a Fenwick tree."""
    size = max(numbers, default=0) + 1
    tree = [0] * (size + 1)
    inversions = 0
    for seen, number in enumerate(numbers):
        index, not_greater = number + 1, 0
        while index:
            not_greater += tree[index]
            index &= index - 1
        inversions += seen - not_greater
        index = number + 1
        while index <= size:
            tree[index] += 1
            index += index & -index
    return inversions
