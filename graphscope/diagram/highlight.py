"""What a gradient goes through between two values: the path that a picture marks."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final

from graphscope.analysis.chain.links import Link, Links, Place
from graphscope.analysis.chain.model import ChainRule, Path
from graphscope.analysis.chain.rule import connect, find_chain_rule
from graphscope.diagram.derivatives import compose, local_text
from graphscope.diagram.labels import derivative, root_name, shorten, title_of
from graphscope.diagram.model import Line
from graphscope.diagram.options import PathEnds
from graphscope.errors import NotRecordedError
from graphscope.model.graph import Graph
from graphscope.model.numbers import format_array, format_observation
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

_SHOWN_PATHS: Final = 3
_MAX_PRODUCT: Final = 48
_SHOWN_ELEMENTS: Final = 4
_SHORT: Final = 16
_SHORT_FACTOR: Final = 10
_TIMES: Final = " · "
_ENDS: Final = 2  # the seed, and the sign for what is left out


@dataclass(frozen=True)
class Highlight:
    """Everything on any way of the gradient from a root to a leaf.

    Attributes:
        leaf: Id of the value at the end.
        root: Id of the value that the gradient is of.
        values: Ids of the values on the way, both ends included.
        ops: Ids of the ops whose autograd nodes the gradient goes through.
        links: `(value, op)` for each use of a value that the gradient comes back by.
        products: Value id -> lines that multiply the factors from the root to it, one
            for each path. Empty at the root, where only norms are known, and where
            the root is a tensor that backward did not start from.
    """

    leaf: int
    root: int
    values: frozenset[int]
    ops: frozenset[int]
    links: frozenset[tuple[int, int]]
    products: Mapping[int, tuple[Line, ...]] = field(default_factory=dict)


def find_highlight(
    trace: Trace, leaf: int, root: int, *, stops: Collection[int] | None = None
) -> Highlight:
    """Find what the gradient of `root` by `leaf` goes through.

    Args:
        trace: The step.
        leaf: Id of the value that it is the derivative by.
        root: Id of the value that it is the derivative of.
        stops: Values that have a product; what is between two of them is one factor.
            None for every value.

    Raises:
        NotRecordedError: No gradient flowed from `root` to `leaf` in this step.
    """
    _, links = connect(trace, leaf, root)
    every = [link for found in links.outgoing.values() for link in found]
    uses = {_use_of(trace.graph, link, links, leaf) for link in every}
    made = {
        output
        for link in every
        for output in trace.graph.grad_nodes[link.node].outputs[link.output :][:1]
    }
    values = {*made, *(value for value, _ in uses), leaf, root}
    return Highlight(
        leaf=leaf,
        root=root,
        values=frozenset(value for value in values if value is not None),
        ops=frozenset(op for _, op in uses if op is not None),
        links=frozenset(
            (value, op) for value, op in uses if value is not None and op is not None
        ),
        products=_running_products(trace, links, (leaf, root), stops),
    )


def resolve_ends(trace: Trace, ends: PathEnds) -> tuple[int, int]:
    """Return the ids of the leaf and the root of a path.

    Raises:
        UnknownNameError: A name is not in the step.
        NotRecordedError: No root is given and no backward ran.
    """
    leaf, root = ends
    below = leaf if isinstance(leaf, int) else trace.resolve(leaf).id
    if root is None:
        if not trace.graph.roots:
            raise NotRecordedError(
                f"No backward ran in step {trace.step}, so there is no path of a "
                "gradient to mark. Call backward() on the loss, or choose another step."
            )
        return below, trace.graph.roots[-1]
    return below, root if isinstance(root, int) else trace.resolve(root).id


def _use_of(
    graph: Graph, link: Link, links: Links, leaf: int
) -> tuple[int | None, int | None]:
    """Return which value is read by which op where the gradient takes this link."""
    node = graph.grad_nodes[link.node]
    is_end = link.place == links.end
    return leaf if is_end else node.edges[link.position].value, node.op


@dataclass(frozen=True, slots=True)
class _Text:
    """A factor, and how it is written where there is no room."""

    text: str
    short: str


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A gradient that has come as far as `value` along one path."""

    value: int
    place: Place
    factors: tuple[_Text, ...]
    product: Array
    event: int


def _running_products(
    trace: Trace,
    links: Links,
    ends: tuple[int, int],
    stops: Collection[int] | None,
) -> dict[int, tuple[Line, ...]]:
    """Write for each value the product of the factors from the root to it."""
    if stops is not None and not stops:
        return {}
    try:
        rule = find_chain_rule(trace, *ends, is_checked=False)
    except NotRecordedError:  # the gradient came this way, but of something larger
        return {}
    # Paths that are one until they part at a value arrive there once.
    found: defaultdict[int, dict[int, _Arrival]] = defaultdict(dict)
    routes: dict[tuple[int, int, int], int] = {}
    for path in rule.paths:
        for route, arrival in _follow(trace.graph, rule, (path, routes), stops):
            found[arrival.value].setdefault(route, arrival)
    counts = _count_arrivals(links)
    return {
        value: _product_lines(trace, rule, list(arrivals.values()), counts)
        for value, arrivals in found.items()
    }


def _follow(
    graph: Graph,
    rule: ChainRule,
    walk: tuple[Path, dict[tuple[int, int, int], int]],
    stops: Collection[int] | None,
) -> Iterator[tuple[int, _Arrival]]:
    """Walk a path from the root; what is between two stops is one factor.

    `walk` is the path, and numbers for the routes so far: a route is its last link
    and the number of what came before, so that long paths cost no more than their
    length. The number is 0 at the root.
    """
    path, routes = walk
    if rule.seed is None or not path.products:
        return
    texts = [_seed_text(rule.seed)]
    route = 0
    inside: Array | None = None
    axes = 0  # of what the op of `inside` made
    pairs = zip(reversed(path.factors), reversed(path.products), strict=True)
    for factor, product in pairs:
        link = (route, factor.node, factor.position)
        route = routes.setdefault(link, len(routes) + 1)
        whole = factor.jacobian
        if inside is not None and whole is not None:
            whole = compose(inside, whole, axes)
        if whole is None:
            return
        axes = whole.ndim - product.ndim
        is_stop = stops is None or factor.source in stops
        if factor.source is None or not is_stop:
            inside = whole
            continue
        inside = None
        texts.append(_factor_text(whole, axes))
        edge = graph.grad_nodes[factor.node].edges[factor.position]
        if edge.target is not None:
            place = (edge.target, edge.output)
            shown = _leave_out_middle(texts)
            arrival = _Arrival(factor.source, place, shown, product, factor.event)
            yield route, arrival


def _leave_out_middle(texts: Sequence[_Text]) -> tuple[_Text, ...]:
    """Return the factors, of more than could be written the first and the last."""
    if len(texts) <= _MAX_PRODUCT // len(_TIMES):
        return tuple(texts)
    return (texts[0], _Text("…", "…"), *texts[-2:])


def _count_arrivals(links: Links) -> dict[Place, int]:
    """Count the ways from the root to each place."""
    counts: defaultdict[Place, int] = defaultdict(int, {links.start: 1})
    for place in links.order:
        for link in links.outgoing.get(place, ()):
            counts[link.place] += counts[place]
    return counts


def _product_lines(
    trace: Trace,
    rule: ChainRule,
    arrivals: Sequence[_Arrival],
    counts: Mapping[Place, int],
) -> tuple[Line, ...]:
    first = arrivals[0]
    count = counts[first.place]
    name = ""
    if trace.graph.roots != (rule.root,):  # then the gradient is of something else
        above = root_name(trace, [rule.root])
        below = shorten(title_of(trace, first.value), _SHORT)
        name = f"{derivative(above, below)} = "
    lines = [
        Line(_product_text(f"path {n}/{count}: {name}", arrival), arrival.event)
        for n, arrival in enumerate(arrivals[:_SHOWN_PATHS], 1)
    ]
    if count == 1:
        lines = [Line(_product_text(f"so far {name}", first), first.event)]
    if count > len(lines):
        lines.append(Line(f"… {count - len(lines):,} more paths", first.event))
    return tuple(lines)


def _product_text(head: str, arrival: _Arrival) -> str:
    """Write factors and product.

    In a long one matrices are named by their size and the middle is left out: the
    first factor is the seed, the last are what the reader follows at this box.
    """
    end = f" = {format_observation(Observation(arrival.product))}"
    room = _MAX_PRODUCT - len(head) - len(end)
    texts = [factor.text for factor in arrival.factors]
    if len(_TIMES.join(texts)) > room:
        texts = [factor.short for factor in arrival.factors]
    for shown in (2, 1):
        if len(_TIMES.join(texts)) > room and len(texts) > shown + _ENDS:
            texts = [texts[0], "…", *texts[-shown:]]
    return f"{head}{_TIMES.join(texts)}{end}"


def _factor_text(jacobian: Array, axes: int) -> _Text:
    """Write a Jacobian of which the first `axes` axes are those of the result."""
    shape = jacobian.shape
    text = local_text(jacobian, shape[:axes])
    if len(text) <= _SHORT_FACTOR:
        return _Text(text, text)
    return _Text(text, f"{prod(shape[:axes])}×{prod(shape[axes:])} matrix")


def _seed_text(seed: Array) -> _Text:
    """Write what backward started with: 1 for a loss, else the user's vector v."""
    if seed.size > _SHOWN_ELEMENTS:
        return _Text("v", "v")
    text = format_array(seed.reshape(()) if seed.size == 1 else seed)
    return _Text(text, text if len(text) <= _SHORT_FACTOR else "v")
