"""Local derivatives that follow from shapes alone: what unpacking a tensor does.

A node with several outputs cannot be asked for its derivative by one of them. Unpacking
is the one that learners meet (`w, b = params`), and it only selects.
"""

from typing import Final

import numpy as np

from graphscope.model.graph import Graph
from graphscope.model.observation import Array

_UNPACKING: Final = "UnbindBackward0"
_LARGEST: Final = 256


def selected_by(graph: Graph, node: int, output: int) -> Array | None:
    """Return d output / d input of unpacking along the first axis, or None.

    Its shape is `[*output, *input]`: ones where an element was selected.
    """
    found = graph.grad_nodes[node]
    if found.name != _UNPACKING or len(found.edges) != 1 or found.op is None:
        return None
    source = found.edges[0].value
    arguments = graph.ops[found.op].arguments
    is_first = all(a.value is not None or a.text in ("", "0") for a in arguments)
    if source is None or not is_first:
        return None
    shape = graph.values[source].shape
    size = int(np.prod(shape))
    rest = int(np.prod(shape[1:]))
    if not shape or size * rest > _LARGEST:
        return None
    rows = np.eye(size)[output * rest : (output + 1) * rest]
    return rows.reshape(*shape[1:], *shape)
