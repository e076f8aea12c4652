"""Which tensor of a call autograd had saved, and what changed its memory since.

Autograd's message names neither. It has the shape, the node that made the tensor and
two version numbers; the rest is in the recording.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Final

from graphscope.model.graph import (
    Event,
    EventKind,
    Graph,
    Op,
    Value,
    ValueKind,
)

_MESSAGE: Final = re.compile(
    r"modified by an inplace operation: \[(?P<kind>[\w.]+) \[(?P<shape>[\d, ]*)\]\]"
    r"(?:, which is output \d+ of (?P<maker>[\w:]+),)?"
    r" is at version (?P<found>\d+); expected version (?P<expected>\d+) instead"
)
_NUMBERED: Final = re.compile(r"(Backward)?\d*$")
_REGENERATED: Final = "AsStrided"
"""What makes a view anew after its memory was changed."""

_SAVES_RESULT: Final = frozenset(
    {"Sigmoid", "Tanh", "Exp", "Exp2", "Expm1", "Sqrt", "Rsqrt", "Reciprocal", "Tan"}
    | {"Softmax", "LogSoftmax", "Relu", "Relu6", "Elu", "Selu", "Celu", "Logsumexp"}
    | {"Cumprod", "NormalizeLinalg", "LinalgInvEx", "Cholesky", "Pow"}
)
"""Nodes that need the result for the gradient, by name without the number.

Source: `result` in the formulas of torch's derivatives.yaml.
"""

_VIEWS: Final = frozenset(
    {"view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "ravel"}
    | {"squeeze", "unsqueeze", "transpose", "t", "T", "mT", "H", "mH", "permute"}
    | {"movedim", "swapaxes", "swapdims", "contiguous", "getitem", "select", "narrow"}
    | {"expand", "expand_as", "chunk", "split", "tensor_split", "unbind", "detach"}
    | {"data", "diagonal", "unfold", "real", "imag", "view_as_real", "atleast_1d"}
)
"""Ops whose results are the memory of their first argument, or may be."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What autograd's message says of the tensor that was changed.

    Attributes:
        shape: Its shape.
        maker: The node that made it, without `Backward0`; empty for a leaf.
        found: Its version when backward needed it.
        expected: Its version when it was saved.
    """

    shape: tuple[int, ...]
    maker: str
    found: int
    expected: int


@dataclass(frozen=True, slots=True)
class Change:
    """One in-place change of a saved tensor.

    Attributes:
        event: When it was.
        op: The call; None for an optimizer's update.
        value: Id of what it changed, as its code means it.
        made: Id of the new version; None for an optimizer's update.
    """

    event: Event
    op: Op | None
    value: int
    made: int | None = None


def read_versions(error: str) -> Versions | None:
    """Read autograd's message; None of any other.

    >>> read_versions(
    ...     "RuntimeError: one of the variables needed for gradient computation has "
    ...     "been modified by an inplace operation: [torch.FloatTensor [3, 2]], which "
    ...     "is output 0 of SigmoidBackward0, is at version 1; expected version 0 "
    ...     "instead. Hint: enable anomaly detection"
    ... )
    Versions(shape=(3, 2), maker='Sigmoid', found=1, expected=0)
    """
    read = _MESSAGE.search(error)
    if read is None:
        return None
    sizes = (size.strip() for size in read["shape"].split(","))
    return Versions(
        shape=tuple(int(size) for size in sizes if size),
        maker=name_node(read["maker"] or ""),
        found=int(read["found"]),
        expected=int(read["expected"]),
    )


def name_node(name: str) -> str:
    """Return the name of an autograd node without its ending.

    >>> name_node("SigmoidBackward0"), name_node("Sigmoid"), name_node("CopySlices")
    ('Sigmoid', 'Sigmoid', 'CopySlices')
    """
    return _NUMBERED.sub("", name.rpartition("::")[2])


def memory_of(graph: Graph, value: int) -> int:
    """Return the first version of the tensor whose memory a value lies in."""
    for _ in graph.values:  # a stranger's recording may go round in circles
        found = graph.values[value]
        op = None if found.op is None else graph.ops[found.op]
        if found.previous is not None:
            value = found.previous
        elif op is not None and op.name in _VIEWS and op.inputs:
            value = op.inputs[0]
        else:
            break
    return value


def find_changes(graph: Graph, value: int, *, after: int, before: int) -> list[Change]:
    """Return what changed the memory of a value between two events, in order."""
    memory = memory_of(graph, value)
    found = []
    for event in graph.events[after + 1 : before]:
        op = None if event.op is None else graph.ops[event.op]
        if event.kind is EventKind.UPDATE:
            mine = [v for v in event.values if memory_of(graph, v) == memory]
            found += [Change(event, None, mine[0])] if mine else []
        elif op is not None:
            found += list(_change_by(graph, event, op, memory))
    return found


def saved_values(graph: Graph, node: int, versions: Versions) -> list[Value]:
    """Return the values that the message may mean, the likeliest first."""
    one = graph.grad_nodes[node]
    if one.op is None:
        return []
    op = graph.ops[one.op]
    inputs, outputs = op.inputs, op.outputs
    saves_result = name_node(one.name) in _SAVES_RESULT
    ids = (*outputs, *inputs) if saves_result else (*inputs, *outputs)
    values = [graph.values[v] for v in dict.fromkeys(ids)]
    fitting = [
        value
        for value in values
        if value.kind is not ValueKind.CONSTANT and _may_be(value, versions)
    ]
    return sorted(
        fitting,
        key=lambda value: (
            versions.maker not in _makers_of(graph, value),
            value.shape != versions.shape,
        ),
    )


def _makers_of(graph: Graph, value: Value) -> set[str]:
    """Return the nodes that made a value or a later version of it, by plain name."""
    memory = memory_of(graph, value.id)
    nodes = [
        one.grad_node
        for one in graph.values
        if one.id == value.id or (one.version and memory_of(graph, one.id) == memory)
    ]
    return {name_node(graph.grad_nodes[n].name) for n in nodes if n is not None}


def _change_by(graph: Graph, event: Event, op: Op, memory: int) -> Iterator[Change]:
    """Yield the change that an op made, of the tensor that its code names first."""
    for made in op.outputs:
        previous = graph.values[made].previous
        if previous is not None and memory_of(graph, made) == memory:
            yield Change(event, op, previous, made)
            return


def _may_be(value: Value, versions: Versions) -> bool:
    """Whether a value fits the message.

    Layers save their weights transposed, and a matrix product may fold axes. A tensor
    that no node made is a leaf, or needs no gradient.
    """
    is_leaf = value.is_leaf or not value.requires_grad
    is_anew = versions.maker in (_REGENERATED, "View", "UnsafeView", "T", "Transpose")
    is_same = sorted(value.shape) == sorted(versions.shape)
    is_folded = is_anew and prod(value.shape) == prod(versions.shape)
    return (is_same or is_folded) and (is_leaf if not versions.maker else True)
