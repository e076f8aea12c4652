"""Takes the gradient of one value by another apart into paths and factors."""

from collections.abc import Sequence

import numpy as np

from graphscope.analysis.chain.backward import Backward, find_backwards
from graphscope.analysis.chain.checks import (
    check_autograd,
    check_difference,
    settle,
)
from graphscope.analysis.chain.factors import read_factors
from graphscope.analysis.chain.links import Links, Place, find_links, place_of
from graphscope.analysis.chain.model import ChainRule, Check, Kind, Path
from graphscope.analysis.chain.paths import add, find_paths, total_of
from graphscope.errors import NotRecordedError
from graphscope.model.graph import Role
from graphscope.model.numbers import format_observation
from graphscope.model.observation import Array
from graphscope.model.trace import Trace


def find_chain_rule(
    trace: Trace, leaf: int, root: int, *, is_checked: bool = True
) -> ChainRule:
    """Explain the gradient of `root` by `leaf` as products along paths.

    Where several backwards went from `root` to `leaf`, it is about the last one.

    Args:
        trace: The step.
        leaf: Id of the value that it is the derivative by; need not be a leaf.
        root: Id of the value that it is the derivative of: what backward started from,
            or a scalar that the gradient went through on its way.
        is_checked: Whether the forward is computed again for a finite difference.

    Raises:
        NotRecordedError: No gradient flowed from `root` to `leaf` in this step; the
            message says why.
    """
    backward, links = connect(trace, leaf, root)
    is_start = not _has_sender(backward, links.start)
    seed = _seed_of(backward, root, is_start=is_start)
    factors = read_factors(backward, links, leaf=leaf, root=root)
    is_whole = factors.is_whole and seed is not None
    paths = find_paths(links, factors, seed)
    total = total_of(links, factors, seed) if is_whole and seed is not None else None
    is_cut_off = len(paths) < links.count
    others = _other_starts(backward, root)
    if is_start and not others:
        scale = 0.0
        if total is not None and seed is not None:
            sizes = total_of(links, factors, seed, of_sizes=True)
            scale = float(np.nan_to_num(sizes).max(initial=0.0))
        autograd = check_autograd(backward, leaf, total, scale)
    else:
        autograd = Check(reason=_why_no_gradient(trace, root, others))
    notes: tuple[str, ...] = ()
    difference = Check(reason="it was not asked for")
    if is_checked:
        is_same = autograd.value is not None and autograd.is_close is not False
        expected = autograd.value if is_same else total
        if total is None:
            expected = autograd.value
        difference, notes = _check_difference(backward, (leaf, root), seed, expected)
        autograd = settle(autograd, difference)
    return ChainRule(
        leaf=leaf,
        root=root,
        kind=Kind.JACOBIANS if is_whole else Kind.NORMS,
        paths=paths,
        count=links.count,
        seed=seed,
        total=total,
        rest=_rest_of(paths, total) if is_cut_off else None,
        autograd=autograd,
        finite_difference=difference,
        notes=(*_note_others(backward, leaf), *notes),
    )


def _note_others(backward: Backward, leaf: int) -> tuple[str, ...]:
    """Say which of the step's backwards the rule is about, where there are several."""
    trace = backward.trace
    events = [event for event, _ in trace.arrivals(leaf)]
    slot = backward.arrivals.get(leaf)
    if slot is None or len(events) < 2:  # noqa: PLR2004 - the usual one
        return ()
    here = trace.graph.slots[slot].event
    number, count = events.index(here) + 1, len(events)
    title = trace.title_of(leaf)
    text = (
        f"A gradient reached {title} {count} times in this step; this is number "
        f"{number}."
    )
    stored = [
        trace.seen(s)
        for s in trace.slots_of(leaf, Role.AFTER)
        if trace.graph.slots[s].event == here
    ]
    if stored:
        text += f" With it {title}.grad was {format_observation(stored[-1])}."
    return (text,)


def connect(trace: Trace, leaf: int, root: int) -> tuple[Backward, Links]:
    """Find the backward through `root`, and all its links to `leaf`.

    Raises:
        NotRecordedError: No gradient flowed from `root` to `leaf` in this step.
    """
    title, above = trace.title_of(leaf), trace.title_of(root)
    if leaf == root:
        raise NotRecordedError(
            f"The derivative of {title} by itself is 1. Ask for that of a loss."
        )
    start, end = place_of(trace.graph, root), place_of(trace.graph, leaf)
    if end is None:
        raise NotRecordedError(
            f"{title} requires no gradient in step {trace.step}, so there is no chain "
            "rule for it. Ask for a parameter, or for a value computed from one."
        )
    found = [] if start is None else list(find_backwards(trace, root))
    if start is None or not found:
        raise NotRecordedError(
            f"No backward went through {above} in step {trace.step}, so no derivative "
            f"of it is known. Ask for a value that backward() was called on."
        )
    for backward in found:
        links = find_links(backward, start, end)
        if start != end and links.count and leaf in backward.arrivals:
            return backward, links
    raise NotRecordedError(
        f"No gradient flowed from {above} to {title} in step {trace.step}: "
        f"{above} is not computed from it, or the way is cut (detach, no_grad)."
    )


def _has_sender(backward: Backward, place: Place) -> bool:
    """Whether another node sent a gradient there: then backward began further up."""
    nodes = backward.trace.graph.grad_nodes
    return any(
        (edge.target, edge.output) == place
        for node in backward.events
        for edge in nodes[node].edges
    )


def _seed_of(backward: Backward, root: int, *, is_start: bool) -> Array | None:
    """Return what the derivative is seeded with, None when it was not kept whole.

    Raises:
        NotRecordedError: `root` is neither where backward began nor a scalar.
    """
    trace = backward.trace
    value = trace.graph.values[root]
    if is_start:
        place = place_of(trace.graph, root)
        seen = None if place is None else backward.seen(Role.GRAD_OUTPUT, *place)
        return None if seen is None or seen.data is None else seen.data.astype(float)
    if value.shape and np.prod(value.shape) != 1:
        started = ", ".join(trace.title_of(r) for r in trace.graph.roots)
        raise NotRecordedError(
            f"{trace.title_of(root)} has {int(np.prod(value.shape))} elements, and "
            f"backward did not start from it but from {started}. Ask for the "
            f"derivative of {started}, or look at t[{trace.title_of(root)!r}].local."
        )
    return np.ones(value.shape)


def _other_starts(backward: Backward, root: int) -> list[int]:
    """Return what else the same backward started from, with a gradient of its own."""
    graph = backward.trace.graph
    found = []
    for other in graph.roots:
        place = place_of(graph, other)
        if other != root and place is not None and place[0] in backward.events:
            is_start = not _has_sender(backward, place)
            if is_start or _has_own_seed(backward, place):
                found.append(other)
    return found


def _has_own_seed(backward: Backward, place: Place) -> bool:
    """Whether more reached a place than the other nodes sent there."""
    arrived = backward.seen(Role.GRAD_OUTPUT, *place)
    nodes = backward.trace.graph.grad_nodes
    sent = [
        backward.seen(Role.EDGE, node, position)
        for node in backward.events
        for position, edge in enumerate(nodes[node].edges)
        if (edge.target, edge.output) == place
    ]
    data = [seen.data for seen in sent if seen is not None and seen.data is not None]
    if arrived is None or arrived.data is None or len(data) < len(sent):
        return False
    total = np.sum(data, axis=0, dtype=np.float64)
    return not np.allclose(total, arrived.data, rtol=1e-3, equal_nan=True)


def _why_no_gradient(trace: Trace, root: int, others: Sequence[int]) -> str:
    title = trace.title_of(root)
    if others and root in trace.graph.roots:
        names = " and ".join(trace.title_of(r) for r in (root, *others))
        return f"backward started from {names} together, and the gradient is of both"
    started = ", ".join(trace.title_of(r) for r in trace.graph.roots)
    return f"backward started from {started}, not from {title}"


def _rest_of(paths: tuple[Path, ...], total: Array | None) -> Array | None:
    if total is None:
        return None
    shown = [path.product for path in paths if path.product is not None]
    rest = total
    for product in shown:
        rest = add(rest, -product)
    return rest


def _check_difference(
    backward: Backward,
    ends: tuple[int, int],
    seed: Array | None,
    expected: Array | None,
) -> tuple[Check, tuple[str, ...]]:
    if seed is None:
        return Check(reason="what backward started with was not kept whole"), ()
    return check_difference(backward, ends, seed, expected)
