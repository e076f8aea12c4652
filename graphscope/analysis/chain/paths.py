"""The paths themselves: all of them while they are few, else the strongest."""

import heapq
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from graphscope.analysis.chain.factors import Factors
from graphscope.analysis.chain.links import Link, Links, Place
from graphscope.analysis.chain.model import Factor, Path
from graphscope.model.observation import Array

ALL_SHOWN: Final = 50
"""Up to this many paths, each is shown."""

STRONGEST: Final = 10
"""Of more paths, this many are shown."""

_RANKED: Final = 200_000  # factors; of longer lists the strongest are found by bounds
_CANDIDATES: Final = 4 * STRONGEST  # by bounds, before their products are compared

Route = tuple[Link, ...]
"""The links of a path, from the root to the leaf."""

_Tail = tuple[Link, Any] | None
"""The same as a link and the rest, so that long routes share what they end with."""


def find_paths(links: Links, factors: Factors, seed: Array | None) -> tuple[Path, ...]:
    """Return all paths in the order of the graph, or the strongest ones first."""
    if links.count <= ALL_SHOWN:
        return tuple(_make_path(r, factors, seed) for r in _routes(links))
    routes = (
        list(_routes(links))
        if links.count * len(links.order) <= _RANKED
        else _strongest_routes(links, factors, _CANDIDATES)
    )
    made = (_make_path(route, factors, seed) for route in routes)
    return tuple(heapq.nlargest(STRONGEST, made, key=lambda path: path.strength))


def _routes(links: Links) -> Iterator[Route]:
    """Yield every path; the first use of an argument comes first."""
    stack: list[tuple[Place, Route]] = [(links.start, ())]
    while stack:
        place, route = stack.pop()
        if place == links.end:
            yield route
            continue
        following = links.outgoing.get(place, ())
        stack.extend((link.place, (*route, link)) for link in reversed(following))


def _strongest_routes(links: Links, factors: Factors, count: int) -> list[Route]:
    """Return the paths whose factors' sizes have the largest products.

    For scalars these are the strongest paths themselves; for vectors the size of a
    product may be smaller than the product of the sizes.
    """
    best: dict[Place, list[tuple[float, _Tail]]] = {links.end: [(1.0, None)]}
    for place in reversed(links.order):
        if place == links.end:
            continue
        found = [
            (_size_of(factors.by_link[link]) * size, (link, tail))
            for link in links.outgoing.get(place, ())
            for size, tail in best.get(link.place, ())
        ]
        best[place] = heapq.nlargest(count, found, key=lambda pair: pair[0])
    return [_unroll(tail) for _, tail in best.get(links.start, ())]


def _unroll(tail: _Tail) -> Route:
    route: list[Link] = []
    while tail is not None:
        link, tail = tail
        route.append(link)
    return tuple(route)


def _size_of(factor: Factor) -> float:
    if factor.jacobian is None:
        return factor.share
    return float(np.abs(factor.jacobian).max(initial=0.0))


def _make_path(route: Route, factors: Factors, seed: Array | None) -> Path:
    ordered = [factors.by_link[link] for link in route]
    if seed is None or not factors.is_whole:
        strength = float(np.prod([factor.share for factor in ordered]))
        return Path(tuple(ordered[::-1]), (), strength)
    products: list[Array] = []
    current = seed
    for factor in ordered:
        current = multiply(current, factor.jacobian)
        products.append(current)
    strength = float(np.abs(current).max(initial=0.0))
    return Path(tuple(ordered[::-1]), tuple(products[::-1]), strength)


def multiply(gradient: Array, jacobian: Array | None) -> Array:
    """Send a gradient of shape `[*output]` back through a Jacobian `[*output, *input]`.

    >>> multiply(np.array([1.0, 2.0]), np.array([[1.0, 0.0], [3.0, 4.0]])).tolist()
    [7.0, 8.0]
    """
    if jacobian is None:
        raise ValueError("Only known factors can be multiplied.")
    with np.errstate(all="ignore"):  # what overflows was too large in torch as well
        diagonal = diagonal_of(jacobian, gradient.shape)
        if diagonal is not None:
            return np.asarray(gradient * diagonal)
        return np.asarray(np.tensordot(gradient, jacobian, axes=gradient.ndim))


def diagonal_of(jacobian: Array, shape: tuple[int, ...]) -> Array | None:
    """Return what an elementwise op multiplies by, None of any other op.

    An infinite slope is multiplied by the zeros of the other elements when a node is
    asked for its derivative: NaN stands there, which the gradient never meets.
    """
    if jacobian.shape != (*shape, *shape) or not np.prod(shape):
        return None
    matrix = jacobian.reshape(int(np.prod(shape)), -1)
    diagonal = np.diagonal(matrix)
    others = matrix[~np.eye(len(matrix), dtype=bool)]
    is_harmless = (others == 0) | (np.isnan(others) & bool(np.isinf(diagonal).any()))
    return diagonal.reshape(shape) if bool(is_harmless.all()) else None


def add(one: Array, other: Array) -> Array:
    """Add two gradients; infinities of both signs make NaN, without a warning."""
    with np.errstate(all="ignore"):
        return np.asarray(one + other)


def total_of(
    links: Links, factors: Factors, seed: Array, *, of_sizes: bool = False
) -> Array:
    """Return the sum over all paths, without walking them one by one.

    With `of_sizes` every number is replaced by its size first: what the sum would be
    if nothing cancelled, which is what its rounding is measured by.
    """
    gathered: dict[Place, Array] = {links.start: np.abs(seed) if of_sizes else seed}
    for place in links.order:
        here = gathered.get(place)
        if here is None or place == links.end:
            continue
        for link in links.outgoing.get(place, ()):
            jacobian = factors.by_link[link].jacobian
            if of_sizes and jacobian is not None:
                jacobian = np.abs(jacobian)
            sent = multiply(here, jacobian)
            known = gathered.get(link.place)
            gathered[link.place] = sent if known is None else add(known, sent)
    return gathered[links.end]
