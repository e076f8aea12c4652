"""What a backward that could not begin was called on, and where."""

import re
from dataclasses import dataclass
from typing import Final

from graphscope.model.graph import Op, OpKind, Value
from graphscope.model.site import Site
from graphscope.model.trace import Status, Trace

_NO_GRAPH: Final = re.compile(
    r"element (?P<place>\d+) of tensors does not require grad and does not have a "
    r"grad_fn"
)
_NO_INPUT: Final = "One of the differentiated Tensors does not require grad"


@dataclass(frozen=True, slots=True)
class Failed:
    """A backward that could not begin.

    Attributes:
        root: What has no history.
        call: The call that raised, None in recordings of older versions.
        is_input: Whether it is not what backward begins at, but what autograd.grad was
            asked for the gradient of.
    """

    root: Value
    call: Op | None
    is_input: bool

    @property
    def site(self) -> Site | None:
        """Where backward was called."""
        return None if self.call is None else self.call.site


def find_failed(trace: Trace) -> Failed | None:
    """Return the backward that ended a step because there was no graph."""
    if trace.status is not Status.ABORTED:
        return None
    found = _NO_GRAPH.search(trace.error)
    if found is None and _NO_INPUT not in trace.error:
        return None
    call = _raised(trace)
    if found is not None:
        root = _root(trace, call, int(found["place"]))
    else:
        root = None if call is None else _first_dead(trace, call)
    return None if root is None else Failed(root, call, found is None)


def _raised(trace: Trace) -> Op | None:
    """Return the call that raised, which is the last op of the step."""
    last = trace.graph.ops[-1] if trace.graph.ops else None
    is_it = last is not None and last.kind is OpKind.GAP
    return last if last is not None and is_it and last.inputs else None


def _root(trace: Trace, call: Op | None, place: int) -> Value | None:
    graph = trace.graph
    if call is not None and place < len(call.inputs):
        return graph.values[call.inputs[place]]
    dead = [r for r in graph.roots if not graph.values[r].requires_grad]
    return graph.values[dead[-1]] if dead else None


def _first_dead(trace: Trace, call: Op) -> Value | None:
    """Return the first input of autograd.grad that requires no gradient."""
    values = [trace.graph.values[v] for v in call.inputs]
    return next((v for v in values if not v.requires_grad), None)
