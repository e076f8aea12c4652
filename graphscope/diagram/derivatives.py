"""Local derivatives: of a whole op by one of its inputs, and how they are written."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from graphscope.analysis.chain.backward import Backward
from graphscope.analysis.chain.links import Link, Place, find_links, place_of
from graphscope.analysis.chain.selecting import selected_by
from graphscope.diagram.selection import Selection
from graphscope.model.graph import Op, Role
from graphscope.model.numbers import format_array, format_number
from graphscope.model.observation import Array

_SMALL: Final = 4


@dataclass(frozen=True, slots=True)
class LocalDerivative:
    """The derivative of an op's result by one of its inputs.

    Attributes:
        jacobian: Of shape `[*result, *input]`.
        event: Index of the event from which on it is known.
    """

    jacobian: Array
    event: int


def local_derivative(
    selection: Selection, op: Op, result: int, value: int
) -> LocalDerivative | None:
    """Return the derivative of an op's result by one of its inputs, None if not known.

    Uses of the same input add up: for `x * x` it is 2x. The autograd nodes of one op
    are multiplied: `cross_entropy` is `NllLoss` after `LogSoftmax`.
    """
    trace = selection.trace
    start, end = place_of(trace.graph, result), place_of(trace.graph, value)
    if start is None or end is None or start[0] not in op.grad_nodes:
        return None
    inside = Backward(trace, dict.fromkeys(op.grad_nodes, -1), {}, {})
    links = find_links(inside, start, end)
    axes = len(trace.graph.values[result].shape)
    partial: dict[Place, Array] = {}
    event = -1
    for place in links.order if links.count else ():
        for link in links.outgoing.get(place, ()):
            found = _read(selection, link)
            if found is None:
                return None
            whole: Array | None = found.jacobian
            if place != start:
                whole = compose(partial[place], found.jacobian, axes)
            if link.place in partial:
                whole = _add(partial[link.place], whole)
            if whole is None:
                return None
            partial[link.place], event = whole, max(event, found.event)
    return LocalDerivative(partial[end], event) if end in partial else None


def _read(selection: Selection, link: Link) -> LocalDerivative | None:
    """Return the Jacobian of one autograd node along one of its edges."""
    trace = selection.trace
    slots = selection.node_slots.get((Role.LOCAL, link.node, link.position), ())
    seen = trace.seen(slots[-1]) if slots and not link.output else None
    if seen is not None and seen.data is not None:
        kind = np.complex128 if np.iscomplexobj(seen.data) else np.float64
        return LocalDerivative(
            seen.data.astype(kind), trace.graph.slots[slots[-1]].event
        )
    selected = selected_by(trace.graph, link.node, link.output)
    events = trace.graph.grad_events.get(link.node)
    if selected is None or not events:
        return None
    return LocalDerivative(selected, events[-1])


def compose(outer: Array, inner: Array, axes: int) -> Array | None:
    """Multiply `[*result, *middle]` by `[*middle, *input]`; None if they do not fit.

    Args:
        outer: The derivative of the result by what is in the middle.
        inner: The derivative of that by the input.
        axes: How many axes the result has.

    >>> compose(np.array([2.0, 3.0]), np.eye(2) * 5, 0).tolist()
    [10.0, 15.0]
    """
    middle = outer.shape[axes:]
    if inner.shape[: len(middle)] != middle:
        return None
    with np.errstate(all="ignore"):  # what overflows was too large in torch as well
        return np.asarray(np.tensordot(outer, inner, axes=len(middle)))


def _add(one: Array, other: Array | None) -> Array | None:
    if other is None or one.shape != other.shape:
        return None
    with np.errstate(all="ignore"):  # infinities of both signs make NaN
        return np.asarray(one + other)


def local_text(jacobian: Array, output_shape: tuple[int, ...]) -> str:
    """Write a Jacobian of shape `[*output, *input]`: number, diagonal, or its size.

    >>> local_text(np.diag([2.0, 3.0]), (2,)), local_text(np.zeros((5, 4)), (5,))
    ('diag [2, 3]', '5×4 matrix')
    """
    if jacobian.size == 1:
        return format_number(jacobian.reshape(()).item())
    if jacobian.size == 0:
        return "empty"
    rows = int(np.prod(output_shape))
    if rows < 1 or jacobian.size % rows:
        return "not read"
    matrix = jacobian.reshape(rows, -1)
    columns = matrix.shape[1]
    if rows == columns and rows <= _SMALL and _is_diagonal(matrix):
        return f"diag {format_array(np.diagonal(matrix))}"
    if min(rows, columns) == 1 and matrix.size <= _SMALL:
        return format_array(matrix.ravel())
    return f"{rows}×{columns} matrix"


def _is_diagonal(matrix: Array) -> bool:
    return bool((matrix[~np.eye(len(matrix), dtype=bool)] == 0).all())
