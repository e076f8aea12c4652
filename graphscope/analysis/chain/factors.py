"""From a link of the autograd graph to a factor with its numbers."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np

from graphscope.analysis.chain.backward import Backward
from graphscope.analysis.chain.links import Link, Links, Place
from graphscope.analysis.chain.model import Factor
from graphscope.analysis.chain.selecting import selected_by
from graphscope.model.graph import Role
from graphscope.model.observation import Array, Observation

_SUFFIX: Final = re.compile(r"Backward\d*$")
_TRANSPOSES: Final = frozenset(
    {"TBackward0", "PermuteBackward0", "TransposeBackward0", "NumpyTBackward0"}
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def node_title(name: str) -> str:
    """Write an autograd node as the operation that it undoes.

    >>> node_title("LogSoftmaxBackward0"), node_title("TBackward0")
    ('log_softmax', 't')
    """
    return _HUMP.sub("_", _SUFFIX.sub("", name)).lower()


@dataclass(frozen=True)
class Factors:
    """The factors of all links between a root and a leaf."""

    by_link: dict[Link, Factor]
    is_whole: bool  # whether every one of them has its Jacobian


def read_factors(backward: Backward, links: Links, *, leaf: int, root: int) -> Factors:
    """Read the local derivative, and what was sent, along each link."""
    every = [link for found in links.outgoing.values() for link in found]
    totals = _sum_norms(backward, every)
    by_link = {
        link: _read_factor(backward, link, totals[link.place], (leaf, root, links))
        for link in every
    }
    whole = all(factor.jacobian is not None for factor in by_link.values())
    return Factors(by_link, whole)


def norm_of(seen: Observation | None) -> float | None:
    """Return the l2 norm of what was seen, None when it is not known."""
    stats = None if seen is None else seen.stats
    return None if stats is None else stats.l2


def _sum_norms(backward: Backward, every: list[Link]) -> dict[Place, float]:
    """Add the norms of what was sent to each place, also from off the paths."""
    graph = backward.trace.graph
    totals: defaultdict[Place, float] = defaultdict(float)
    wanted = {link.place for link in every}
    for node in backward.events:
        for position, edge in enumerate(graph.grad_nodes[node].edges):
            place = (edge.target, edge.output) if edge.target is not None else None
            if place in wanted and place is not None:
                sent = norm_of(backward.seen(Role.EDGE, node, position))
                totals[place] += sent or 0.0
    return totals


def _read_factor(
    backward: Backward, link: Link, total: float, ends: tuple[int, int, Links]
) -> Factor:
    leaf, root, links = ends
    graph = backward.trace.graph
    node = graph.grad_nodes[link.node]
    edge, outputs = node.edges[link.position], node.outputs
    target = outputs[link.output] if link.output < len(outputs) else None
    source = leaf if link.place == links.end else edge.value
    sent = norm_of(backward.seen(Role.EDGE, link.node, link.position))
    return Factor(
        node=link.node,
        position=link.position,
        source=source,
        target=root if (link.node, link.output) == links.start else target,
        inner="" if source is not None else _inner_title(backward, link.place),
        event=backward.events[link.node],
        jacobian=_jacobian_of(backward, link, source),
        sent=sent,
        arrived=_arrived_at(backward, link.place, source),
        share=sent / total if sent is not None and total > 0 else 1.0,
    )


def _arrived_at(backward: Backward, place: Place, value: int | None) -> float | None:
    """Return the norm of the gradient that arrived at a place, from all sides."""
    at_leaf = None if value is None else norm_of(backward.arrived(value))
    at_node = norm_of(backward.seen(Role.GRAD_OUTPUT, *place))
    return at_leaf if at_leaf is not None else at_node


def _jacobian_of(backward: Backward, link: Link, value: int | None) -> Array | None:
    """Return the local derivative along a link, None where it is not known.

    It is widened to float64, so that the product adds no rounding of its own.
    """
    jacobian = backward.jacobian(link.node, link.position)
    if jacobian is None:
        return selected_by(backward.trace.graph, link.node, link.output)
    kind = np.complex128 if np.iscomplexobj(jacobian) else np.float64
    target = _shape_at(backward, (link.node, link.output), None)
    source = _shape_at(backward, link.place, value)
    if target is None or source is None:
        return None
    return fit_source(jacobian.astype(kind), target, source)


def _shape_at(
    backward: Backward, place: Place, value: int | None
) -> tuple[int, ...] | None:
    """Return the shape of the gradient at a place."""
    if value is not None:
        return backward.trace.graph.values[value].shape
    slot = backward.slots.get((Role.GRAD_OUTPUT, *place))
    return None if slot is None else backward.trace.graph.slots[slot].shape


def fit_source(
    jacobian: Array, target: tuple[int, ...], source: tuple[int, ...]
) -> Array | None:
    """Undo broadcasting inside of an op: sum over what the source was spread to.

    Args:
        jacobian: Of shape `[*target, *spread]`.
        target: Shape of what the node made.
        source: Shape of what it read, which `spread` was broadcast from.

    Returns:
        The Jacobian of shape `[*target, *source]`, None where shapes contradict.

    >>> fit_source(np.ones((2, 3, 4)), (2,), (3, 1)).shape
    (2, 3, 1)
    """
    lead = len(target)
    if jacobian.shape[:lead] != target:
        return None
    extra = jacobian.ndim - lead - len(source)
    if extra < 0:
        return None
    summed = jacobian.sum(axis=tuple(range(lead, lead + extra)))
    for axis, size in enumerate(source, lead):
        if summed.shape[axis] != size:
            if size != 1:
                return None
            summed = summed.sum(axis=axis, keepdims=True)
    return np.asarray(summed)


def _inner_title(backward: Backward, place: Place) -> str:
    """Name what one node of an op hands to the next: an operation, or wᵀ."""
    graph = backward.trace.graph
    node = graph.grad_nodes[place[0]]
    source = node.edges[0].value if len(node.edges) == 1 else None
    if node.name in _TRANSPOSES and source is not None:
        return f"{backward.trace.title_of(source)}ᵀ"
    return node_title(node.name)
