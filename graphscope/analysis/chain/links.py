"""The autograd graph between a leaf and a root: links, and how many paths there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphscope.analysis.chain.backward import Backward
from graphscope.model.graph import Graph

Place = tuple[int, int]
"""A grad node and which of its outputs: where a gradient arrives."""


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of a grad node that leads towards the leaf.

    Attributes:
        node: Id of the grad node, the end nearer to the root.
        output: Which output of it the path came in by.
        position: Which of its edges this is.
        place: Where the edge leads to.
    """

    node: int
    output: int
    position: int
    place: Place


@dataclass(frozen=True, slots=True)
class Links:
    """All links on some way from `start` (the root) to `end` (the leaf).

    Attributes:
        start: The place of the root.
        end: The place of the leaf.
        order: The places on the way, from the root to the leaf.
        outgoing: Place -> the links that leave it towards the leaf.
        counts: Place -> how many paths lead from it to the leaf.
    """

    start: Place
    end: Place
    order: tuple[Place, ...]
    outgoing: dict[Place, tuple[Link, ...]]
    counts: dict[Place, int]

    @property
    def count(self) -> int:
        """How many paths there are from the root to the leaf."""
        return self.counts.get(self.start, 0)


def place_of(graph: Graph, value: int) -> Place | None:
    """Return where the gradient of a value arrives, None when it requires none."""
    found = graph.values[value]
    return None if found.grad_node is None else (found.grad_node, found.grad_output)


def find_links(backward: Backward, start: Place, end: Place) -> Links:
    """Find every link between two places that ran in a backward.

    Iterative: graphs are thousands of nodes deep.
    """
    order = _sort(backward, start, end)
    counts: dict[Place, int] = {end: 1}
    outgoing: dict[Place, tuple[Link, ...]] = {}
    for place in reversed(order):
        if place == end:
            continue
        useful = [k for k in _links_from(backward, place) if counts.get(k.place, 0)]
        counts[place] = sum(counts[link.place] for link in useful)
        if useful:
            outgoing[place] = tuple(useful)
    kept = tuple(place for place in order if counts.get(place))
    return Links(start, end, kept, outgoing, counts)


def _links_from(backward: Backward, place: Place) -> Iterator[Link]:
    node, output = place
    if node not in backward.events:
        return
    for position, edge in enumerate(backward.trace.graph.grad_nodes[node].edges):
        if edge.target is not None:
            yield Link(node, output, position, (edge.target, edge.output))


def _sort(backward: Backward, start: Place, end: Place) -> Sequence[Place]:
    """Return the places that can be reached from `start`, each before its successors.

    Topological by depth-first search.
    """
    done: list[Place] = []
    state: dict[Place, bool] = {}
    stack: list[tuple[Place, Iterator[Link]]] = []

    def enter(place: Place) -> None:
        state[place] = False
        links = iter(()) if place == end else _links_from(backward, place)
        stack.append((place, links))

    enter(start)
    while stack:
        place, links = stack[-1]
        link = next(links, None)
        if link is None:
            state[place] = True
            done.append(place)
            stack.pop()
        elif link.place not in state:
            enter(link.place)
    return done[::-1]
