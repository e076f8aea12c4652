"""From which uses of a value its gradient comes, and how much from each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.chain.backward import Backward
from graphscope.analysis.chain.links import Place, find_links, place_of
from graphscope.analysis.evidence.wording import name_call
from graphscope.analysis.why.vanishing.walk import Flow, read_flow, size
from graphscope.model.graph import Op
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace

_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Part:
    """What one use of a value contributes to its gradient.

    Attributes:
        op: The op that uses it, None when that is not known.
        seen: The contribution.
    """

    op: Op | None
    seen: Observation


@dataclass(frozen=True)
class Parts:
    """The contributions that meet at one place on the way to a value.

    Attributes:
        value: The value at which they meet: the one asked about, or one behind it.
        parts: The contributions, in the order of the forward.
        paths: How many paths lead from where backward began to the value asked about.
    """

    value: int
    parts: Sequence[Part]
    paths: int


def parts_of(backward: Backward, value: int, root: int) -> Parts | None:
    """Return what the gradient of a value was added up from in one backward.

    Where only one op uses the value, it is told of the first one in front of it that
    several use: the input of a residual block.
    """
    flow = read_flow(backward)
    place, start = place_of(flow.graph, value), place_of(flow.graph, root)
    if place is None or start is None:
        return None
    links = find_links(backward, start, place)
    at: Place | None = place
    seen = {place}
    while at is not None:
        senders = [e for e in flow.senders.get(at, ()) if size(flow.sent(e)) > 0]
        if len(senders) >= _TWO:
            here = _value_at(flow, at)
            parts = [
                Part(_op_of(flow, node), sent)
                for node, position in sorted(senders)
                if (sent := flow.sent((node, position))) is not None
            ]
            return Parts(value if here is None else here, parts, links.count)
        at = _above(flow, senders[0][0]) if senders else None
        if at in seen:
            break
        if at is not None:
            seen.add(at)
    return Parts(value, (), links.count)


def _above(flow: Flow, node: int) -> Place | None:
    outputs = flow.arrived.get(node)
    return None if not outputs else (node, max(outputs, key=lambda o: size(outputs[o])))


def _value_at(flow: Flow, place: Place) -> int | None:
    node = flow.graph.grad_nodes[place[0]]
    if node.leaf is not None:
        return node.leaf
    return node.outputs[place[1]] if place[1] < len(node.outputs) else None


def _op_of(flow: Flow, node: int) -> Op | None:
    made_by = flow.graph.grad_nodes[node].op
    return None if made_by is None else flow.graph.ops[made_by]


def name_part(trace: Trace, part: Part) -> str:
    """Name the use that a contribution comes from."""
    if part.op is None:
        return "an op of an earlier step"
    inside = f" in `{part.op.scope}`" if part.op.scope else ""
    call = name_call(trace, part.op)
    return call if call.startswith("`") else f"{call}{inside}"
