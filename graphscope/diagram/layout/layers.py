"""The working state of a layout: rows of nodes in which every edge spans one row.

An edge over more rows is a chain of dummies. All edges of a source share one chain,
so that a value with many readers is one line with branches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from graphscope.diagram.layout.model import LayoutOptions
from graphscope.diagram.layout.ranks import Pair, drop_cycles, rank_nodes

Size = tuple[int, int]


@dataclass(slots=True)
class Layers:
    """Nodes are numbers: first the boxes in the order of the input, then dummies.

    A node covers the columns `x - left .. x + right - 1` around its column `x`.

    Attributes:
        left: Extent of each node to the left of its column.
        right: Extent of each node to the right, its column included.
        height: Rows of each node; 0 for dummies.
        boxes: How many of the nodes are boxes.
        rows: Nodes of each row, from left to right.
        ups: Neighbours of each node in the row above.
        downs: Neighbours of each node in the row below.
        paths: Edge index -> all nodes that it passes, source and target included.
        label_nodes: Edge index -> the dummy that keeps room for its label.
        stubs: Indices of the edges that are not drawn as lines.
    """

    left: list[int]
    right: list[int]
    height: list[int]
    boxes: int
    rows: list[list[int]]
    ups: list[list[int]]
    downs: list[list[int]]
    paths: dict[int, tuple[int, ...]] = field(default_factory=dict)
    label_nodes: dict[int, int] = field(default_factory=dict)
    stubs: list[int] = field(default_factory=list)

    def add_node(self, row: int, extent: tuple[int, int, int]) -> int:
        """Append a dummy with `(left, right, height)` to `row`; return its number."""
        node = len(self.left)
        for values, value in zip(
            (self.left, self.right, self.height), extent, strict=True
        ):
            values.append(value)
        self.ups.append([])
        self.downs.append([])
        self.rows[row].append(node)
        return node

    def join(self, upper: int, lower: int) -> None:
        """Connect two nodes of neighbouring rows, once."""
        if lower not in self.downs[upper]:
            self.downs[upper].append(lower)
            self.ups[lower].append(upper)

    def is_box(self, node: int) -> bool:
        """Whether the node is a box and not a dummy."""
        return node < self.boxes


def build_layers(
    sizes: Sequence[Size],
    edges: Sequence[Pair],
    labels: Mapping[int, Size],
    options: LayoutOptions,
) -> Layers:
    """Return the layers for boxes of the given sizes, in the order of the input."""
    stubs, ranks = _cut_edges(len(sizes), edges, options)
    drawn = [i for i in range(len(edges)) if i not in stubs]
    labelled = {ranks[edges[i][1]] for i in drawn if i in labels}
    shift, new_rank = 0, []
    for rank in range(max(ranks, default=-1) + 1):
        shift += rank in labelled  # a row of its own for the labels above this rank
        new_rank.append(rank + shift)
    widths = _widen(sizes, [edges[i] for i in drawn], options)
    layers = Layers(
        left=[width // 2 for width in widths],
        right=[width - width // 2 for width in widths],
        height=[height for _, height in sizes],
        boxes=len(sizes),
        rows=[[] for _ in range(new_rank[-1] + 1 if new_rank else 0)],
        ups=[[] for _ in sizes],
        downs=[[] for _ in sizes],
        stubs=sorted(stubs),
    )
    at_row = [new_rank[rank] for rank in ranks]
    for node in _by_component(len(sizes), [edges[i] for i in drawn]):
        layers.rows[at_row[node]].append(node)
    _add_chains(layers, edges, drawn, (at_row, labels, options))
    return layers


def find_stubs(count: int, edges: Sequence[Pair], options: LayoutOptions) -> list[int]:
    """Return the indices of edges that a layout would leave out, in order."""
    return sorted(_cut_edges(count, edges, options)[0])


def _cut_edges(
    count: int, edges: Sequence[Pair], options: LayoutOptions
) -> tuple[set[int], list[int]]:
    stubs = drop_cycles(count, edges)
    ranks = rank_nodes(count, [e for i, e in enumerate(edges) if i not in stubs])
    if options.max_span is not None:
        for index, (source, target) in enumerate(edges):
            if ranks[target] - ranks[source] > options.max_span:
                stubs.add(index)
    return stubs, ranks


def _widen(
    sizes: Sequence[Size], edges: Sequence[Pair], options: LayoutOptions
) -> list[int]:
    arrows = [0] * len(sizes)
    for _, target in edges:
        arrows[target] += 1
    return [
        max(width, 2 * options.port_inset + (count - 1) * options.port_gap + 1)
        for (width, _), count in zip(sizes, arrows, strict=True)
    ]


def _by_component(count: int, edges: Sequence[Pair]) -> list[int]:
    """Return the nodes with those of a connected part next to each other."""
    near: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        near[source].append(target)
        near[target].append(source)
    part = [-1] * count
    for start in range(count):
        if part[start] >= 0:
            continue
        part[start], reached = start, [start]
        for node in reached:  # grows while it is read
            for other in near[node]:
                if part[other] < 0:
                    part[other] = start
                    reached.append(other)
    return sorted(range(count), key=lambda node: (part[node], node))


def _add_chains(
    layers: Layers,
    edges: Sequence[Pair],
    drawn: Sequence[int],
    plan: tuple[Sequence[int], Mapping[int, Size], LayoutOptions],
) -> None:
    at_row, labels, options = plan
    chains: dict[tuple[int, int], int] = {}
    for index in drawn:
        source, target = edges[index]
        path = [source]
        last = at_row[target] - (1 if index in labels else 0)
        for row in range(at_row[source] + 1, last):
            if (source, row) not in chains:
                chains[source, row] = layers.add_node(row, (0, 1, 0))
            path.append(chains[source, row])
        if index in labels:
            width, height = labels[index]
            extent = (0, 1 + options.label_gap + width, height)
            layers.label_nodes[index] = layers.add_node(last, extent)
            path.append(layers.label_nodes[index])
        path.append(target)
        for upper, lower in pairwise(path):
            layers.join(upper, lower)
        layers.paths[index] = tuple(path)
