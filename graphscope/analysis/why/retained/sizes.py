"""What a graph that is alive keeps in memory: its nodes, and what these have saved.

Counted from the shapes that were recorded. A backward frees what the nodes that it
runs had saved, unless it is asked not to; the nodes stay as long as something leads to
them.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np

from graphscope.analysis.evidence.source import parse_expression
from graphscope.analysis.why.errors.saving import memory_of, name_node
from graphscope.model.graph import EventKind, GradNode, Graph, Value, ValueKind
from graphscope.model.site import Site

_SAVES_NOTHING: Final = frozenset(
    {"Add", "Sub", "Rsub", "Neg", "Sum", "Mean", "Cat", "Stack", "Clone", "ToCopy"}
    | {"View", "UnsafeView", "Reshape", "ReshapeAlias", "AsStrided", "Alias", "T"}
    | {"Transpose", "Permute", "Expand", "Squeeze", "Unsqueeze", "Select", "Slice"}
    | {"Split", "SplitWithSizes", "Unbind", "Repeat", "Flip", "Roll", "Diagonal"}
    | {"Unfold", "CopySlices", "Copy", "Trace", "ConstantPadNd", "Identity"}
)
"""Nodes that need shapes only, by name without the number.

Source: torch's derivatives.yaml, formulas without `self`, `other` and `result`.
"""

_SAVES_RESULT: Final = frozenset(
    {"Sigmoid", "Tanh", "Exp", "Exp2", "Expm1", "Sqrt", "Rsqrt", "Reciprocal", "Tan"}
    | {"Softmax", "LogSoftmax", "Relu", "Cumprod"}
)
"""Nodes that need their result and not what they were given; same source."""

_CROSSED: Final = frozenset(
    {"Mul", "Div", "Mm", "Bmm", "Mv", "Dot", "Addmm", "Addmv", "Baddbmm", "Linear"}
    | {"Convolution", "Einsum", "Matmul"}
)
"""Products: each factor is saved only for the gradient of the others."""

_WIDTHS: Final = {"bfloat16": 2, "float8": 1}
_KEEPING: Final = frozenset({"retain_graph", "create_graph"})


@dataclass(frozen=True, slots=True)
class Retained:
    """What one step's graph keeps.

    Attributes:
        nodes: How many of its autograd nodes are alive.
        freed: How many of these a backward has run, and freed what they had saved.
        saved_bytes: What the others have saved at least: tensors that ops of the step
            have made, each once; not what only C++ has seen, nor data from outside.
        own_bytes: What the tensors that are held take themselves.
    """

    nodes: int
    freed: int
    saved_bytes: int
    own_bytes: int


def measure(graph: Graph, values: Iterable[int]) -> Retained:
    """Return what is kept where some values of a step are alive."""
    held = [graph.values[v] for v in values if 0 <= v < len(graph.values)]
    nodes = list(_nodes_behind(graph, held))
    freed = _freed_nodes(graph)
    left = [node for node in nodes if node.id not in freed]
    saved = {memory_of(graph, v) for node in left for v in _saved_by(graph, node)}
    own = {memory_of(graph, value.id) for value in held}
    return Retained(
        nodes=len(nodes),
        freed=len(nodes) - len(left),
        saved_bytes=sum(_size_of_new(graph, value) for value in saved - own),
        own_bytes=sum(_size_of_new(graph, value) for value in own),
    )


def leads_to(graph: Graph, held: int, value: int) -> bool:
    """Whether the graph of one value of a step has that of another in it."""
    wanted = graph.values[value].grad_node
    return any(n.id == wanted for n in _nodes_behind(graph, [graph.values[held]]))


def older_nodes_run(graph: Graph) -> int:
    """Return how often the backwards of a step have run nodes of earlier ones."""
    ran = [e.grad_node for e in graph.events if e.kind is EventKind.GRAD]
    nodes = [graph.grad_nodes[node] for node in ran if node is not None]
    return sum(node.op is None and node.leaf is None for node in nodes)


def _nodes_behind(graph: Graph, held: Iterable[Value]) -> Iterator[GradNode]:
    """Yield the step's own nodes that some values lead to, accumulators left out."""
    waiting = [v.grad_node for v in held if v.grad_node is not None]
    seen = set(waiting)
    while waiting:
        node = graph.grad_nodes[waiting.pop()]
        if node.op is None:
            continue
        yield node
        for edge in node.edges:
            if edge.target is not None and edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)


def _freed_nodes(graph: Graph) -> frozenset[int]:
    """Return the nodes that a backward ran which was not asked to keep them."""
    sites: dict[Site | None, bool] = {}
    found = set()
    for event in graph.events:
        if event.kind is EventKind.GRAD and event.grad_node is not None:
            if event.site not in sites:
                sites[event.site] = keeps_graph(event.site)
            if not sites[event.site]:
                found.add(event.grad_node)
    return frozenset(found)


def keeps_graph(site: Site | None) -> bool:
    """Whether a call of backward asks to keep what the nodes have saved."""
    call = None if site is None else parse_expression(site.expression)
    if not isinstance(call, ast.Call):
        return False
    return any(
        keyword.arg in _KEEPING
        and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.keywords
    )


def _saved_by(graph: Graph, node: GradNode) -> Iterator[int]:
    """Yield the values that a node has saved, as far as Python has seen them."""
    if node.op is None:
        return
    op, name = graph.ops[node.op], name_node(node.name)
    if name in _SAVES_NOTHING:
        return
    if name in _SAVES_RESULT:
        yield from op.outputs
        return
    tensors = [v for v in op.inputs if _is_tensor(graph.values[v])]
    for place, value in enumerate(tensors):
        others = tensors[:place] + tensors[place + 1 :]
        is_needed = any(graph.values[v].requires_grad for v in others)
        if name not in _CROSSED or is_needed:
            yield value


def _is_tensor(value: Value) -> bool:
    return value.kind is not ValueKind.CONSTANT


def _size_of_new(graph: Graph, value: int) -> int:
    """Return the bytes of a tensor that an op of the step has made; 0 for any other.

    Parameters are alive anyway, and data from outside may be.
    """
    found = graph.values[value]
    if found.op is None or found.kind not in (ValueKind.RESULT, ValueKind.INPUT):
        return 0
    return prod(found.shape) * width_of(found.dtype)


def width_of(dtype: str) -> int:
    """Return how many bytes a number of a dtype takes.

    >>> width_of("float32"), width_of("bfloat16"), width_of("quint8")
    (4, 2, 0)
    """
    for start, width in _WIDTHS.items():
        if dtype.startswith(start):
            return width
    try:
        return np.dtype(dtype).itemsize
    except TypeError:
        return 0
