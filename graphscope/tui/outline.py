"""The nodes of a step in the order of execution: what the rail view lists.

One node for each op and one for each leaf, in front of the op that first uses it.
An outline depends on the structure alone, so all steps with the same graph share it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

from graphscope.diagram.rail import RailRow, lay_rail
from graphscope.model.graph import Event, EventKind, Graph, Op, Value, ValueKind
from graphscope.model.site import Site
from graphscope.tui.moment import first_event, update_of

_KEPT_OUTLINES: Final = 8
_OF_MODULES: Final = frozenset({ValueKind.PARAMETER, ValueKind.BUFFER})


@dataclass(frozen=True, slots=True)
class Node:
    """One row.

    Attributes:
        id: Position in the outline.
        op: Id of the op, None for a leaf.
        values: Ids of the op's results, or of the leaf.
        sources: Ids of the nodes whose values the op reads, without repeats.
    """

    id: int
    op: int | None
    values: tuple[int, ...]
    sources: tuple[int, ...] = ()

    @property
    def value(self) -> int | None:
        """The main value, None for an op without results."""
        return self.values[0] if self.values else None


@dataclass(frozen=True)
class Outline:
    """All nodes of a graph, and where to find them."""

    graph: Graph
    nodes: tuple[Node, ...]
    of_value: Mapping[int, int]
    of_op: Mapping[int, int]

    @cached_property
    def rails(self) -> tuple[RailRow, ...]:
        """The lines in front of the rows, one entry for each node."""
        names = [str(node.id) for node in self.nodes]
        sources = {str(n.id): [str(s) for s in n.sources] for n in self.nodes}
        return tuple(lay_rail(names, sources))

    @cached_property
    def rail_width(self) -> int:
        """Cells of the widest rail."""
        return max((len(row.cells) for row in self.rails), default=0)

    @cached_property
    def lines_of_file(self) -> Mapping[str, Mapping[int, tuple[int, ...]]]:
        """Source file -> line -> ids of the values made there, in order of time."""
        found: defaultdict[str, defaultdict[int, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for node in self.nodes:
            for value in node.values:
                site = self._where_made(value)
                if site is not None:
                    found[site.file][site.end_line].append(value)
        made = partial(first_event, self.graph)
        return {
            file: {n: tuple(sorted(values, key=made)) for n, values in rows.items()}
            for file, rows in found.items()
        }

    def _where_made(self, value: int) -> Site | None:
        """Return where a value was made, None when it was only read in this step."""
        found = self.graph.values[value]
        site = site_of(self.graph, value)
        if found.op is not None or site is None:
            return site
        if found.previous is not None:
            update = update_of(self.graph, value)
            return None if update is None else update.site
        if found.kind in _OF_MODULES:
            return None
        name = found.name or ""
        is_use = site.expression in (name, name.rpartition(".")[2], "")
        return None if name and is_use else site

    def nodes_of_event(self, index: int) -> tuple[int, ...]:
        """Return the nodes that an event is about, the most important first.

        In backward this is the op whose autograd node ran.
        """
        if not 0 <= index < len(self.graph.events):
            return ()
        found = self._nodes_of(self.graph.events[index])
        return tuple(dict.fromkeys(node for node in found if node is not None))

    def _nodes_of(self, event: Event) -> Sequence[int | None]:
        if event.kind is EventKind.OP and event.op is not None:
            return [self.of_op.get(event.op)]
        if event.kind is EventKind.GRAD and event.grad_node is not None:
            node = self.graph.grad_nodes[event.grad_node]
            if node.op is not None:
                return [self.of_op.get(node.op)]
            outputs = (v for v in (*node.outputs, node.leaf) if v is not None)
            return [self.of_value.get(v) for v in outputs]
        return [self.of_value.get(v) for v in event.values]

    def find(self, node: int) -> Node | None:
        """Return node number `node`, None when there is none."""
        return self.nodes[node] if 0 <= node < len(self.nodes) else None


def site_of(graph: Graph, value: int) -> Site | None:
    """Return where a value was made; a leaf: where it was first used."""
    found = graph.values[value]
    if found.op is not None:
        return graph.ops[found.op].site or found.site
    return found.site


def build_outline(graph: Graph) -> Outline:
    """List the nodes of `graph`."""
    builder = _Builder(graph)
    for op in graph.ops:
        builder.add_op(op)
    for value in graph.values:
        if _is_leaf_row(value):
            builder.add_leaf(value.id)
    return Outline(graph, tuple(builder.nodes), builder.of_value, builder.of_op)


def _is_leaf_row(value: Value) -> bool:
    return value.op is None and value.kind is not ValueKind.CONSTANT


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self.of_value: dict[int, int] = {}
        self.of_op: dict[int, int] = {}

    def add_op(self, op: Op) -> None:
        for value in op.inputs:
            if _is_leaf_row(self.graph.values[value]):
                self.add_leaf(value)
        found = (self.of_value.get(value) for value in op.inputs)
        sources = tuple(dict.fromkeys(node for node in found if node is not None))
        node = Node(len(self.nodes), op.id, op.outputs, sources)
        self.nodes.append(node)
        self.of_op[op.id] = node.id
        for value in op.outputs:
            self.of_value[value] = node.id

    def add_leaf(self, value: int) -> None:
        if value not in self.of_value:
            self.of_value[value] = len(self.nodes)
            self.nodes.append(Node(len(self.nodes), None, (value,)))


class OutlineCache:
    """Remembers the outlines of the last few graphs."""

    def __init__(self) -> None:
        self._outlines: list[Outline] = []

    def get(self, graph: Graph) -> Outline:
        """Return the outline of `graph`, or of an equal one."""
        for found in self._outlines:
            if found.graph is graph:
                return found
        for found in self._outlines:
            if found.graph == graph:
                return found
        outline = build_outline(graph)
        self._outlines = [outline, *self._outlines][:_KEPT_OUTLINES]
        return outline
