"""How many examples a model was given, and which axis of a shape counts them."""

from typing import Final

from graphscope.model.calls import ModuleCall
from graphscope.model.graph import Graph, Op

BATCH: Final = -1
"""What stands for the size of the batch axis."""

_ONE_EXAMPLE: Final = {
    "linear": 1,
    "conv1d": 2,
    "conv_transpose1d": 2,
    "conv2d": 3,
    "conv_transpose2d": 3,
    "conv3d": 4,
    "conv_transpose3d": 4,
}
"""Ops that take a batch, and the axes of what they take as a single example."""

_PRODUCTS: Final = frozenset({"matmul", "rmatmul", "mv", "dot", "inner"})


def batch_size(graph: Graph, root: int, end: int) -> int | None:
    """Return how many examples the model in call `root` was given.

    It is the first axis of its first input. None when there was no tensor, or it was a
    single example without a batch axis. `end` is the last call inside of it.
    """
    inside = graph.calls[root : end + 1]
    given = next((call.inputs[0] for call in inside if call.inputs), None)
    if given is None or not given.shape:
        return None
    # an empty path is also that of the ops outside of any module
    paths = {call.path for call in inside if call.path or root == end}
    axes = len(given.shape)
    if any(
        _takes_one_example(graph, op, axes, given.shape[0])
        for op in graph.ops
        if op.scope in paths
    ):
        return None
    return given.shape[0]


def _takes_one_example(graph: Graph, op: Op, axes: int, size: int) -> bool:
    shapes = [graph.values[value].shape for value in op.inputs]
    if op.name in _PRODUCTS:
        return axes == 1 and (size,) in shapes
    return _ONE_EXAMPLE.get(op.name) == axes and [len(s) for s in shapes[:1]] == [axes]


def without_batch(shape: tuple[int, ...], batch: int | None) -> tuple[int, ...]:
    """Replace the first axis by −1 when it counts examples, or parts of each of them.

    >>> without_batch((6, 3), 2), without_batch((3,), None), without_batch((), 2)
    ((-1, 3), (3,), ())
    """
    if batch is None or not shape:
        return shape
    counts_examples = shape[0] % batch == 0 if batch else shape[0] == 0
    return (BATCH, *shape[1:]) if counts_examples else shape


def outputs_of(call: ModuleCall, batch: int | None) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of what a call returned."""
    return tuple(without_batch(tensor.shape, batch) for tensor in call.outputs)
