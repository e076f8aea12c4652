"""Which recorded value, op and autograd node is which of the witness's.

Found by structure and order alone, never by numbers: numbers are what is checked
afterwards, on the pairs that are found here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from graphscope.model.graph import Graph, Op, Value
from graphscope.model.trace import Trace
from tests.oracle.walking import ACCUMULATE, TrueGraph
from tests.oracle.witness import SeenCall, Testimony

Place = tuple[int, int]


@dataclass(slots=True)
class Matches:
    """What was found, and what was not.

    Attributes:
        results: (call, result) of the witness -> (trace, value).
        nodes: Node of the true graph -> node of the trace number `home`.
        outputs: Output -> (trace, value).
        home: The trace in which the outputs' graph lies.
        missing: One sentence for everything that the traces do not have.
        transformed: Names of calls on tensors of a function transform.
    """

    results: dict[Place, Place] = field(default_factory=dict)
    nodes: dict[int, int] = field(default_factory=dict)
    outputs: dict[int, Place] = field(default_factory=dict)
    home: int | None = None
    missing: list[str] = field(default_factory=list)
    transformed: list[str] = field(default_factory=list)


def match(
    traces: Sequence[Trace],
    told: Testimony,
    graph: TrueGraph,
    outputs: Sequence[torch.Tensor],
    *,
    given: Sequence[torch.Tensor],
) -> Matches:
    """Find everything in `traces` that the witness and the true `graph` have.

    `outputs` and `given` are the tensors of the run that `traces` recorded.
    """
    found = Matches()
    _match_calls(traces, told.calls, found)
    for number, tensor in enumerate(outputs):
        is_given = any(tensor is other for other in given)
        maker = told.outputs[number] if number < len(told.outputs) else None
        first = found.results.get(maker) if maker is not None else None
        _match_output(number, tensor, (traces, graph), (first, is_given), found)
    return found


def _match_calls(
    traces: Sequence[Trace], calls: Sequence[SeenCall], found: Matches
) -> None:
    """Pair calls and ops, both in order; ops that no call shows are skipped.

    Ops of the call's name come first. An op of another name (a call that was opened
    into what it calls itself) stands for a call only between those.
    """
    ops = [(n, op) for n, trace in enumerate(traces) for op in trace.graph.ops]
    scopes = {s.path.rpartition(".")[2] for t in traces for s in t.graph.scopes}
    opened = scopes & {call.name for call in calls}
    ops = [(n, op) for n, op in ops if op.scope.rpartition(".")[2] not in opened]
    places = _place_calls(traces, ops, calls, opened)
    for number, call in enumerate(calls):
        if call.name in opened:
            continue  # its inside is in the graph; what it returned is at the outputs
        if number not in places:
            _note_missing(call, found)
            continue
        trace, op = ops[places[number]]
        for position, value in _pair_results(call, op, traces[trace].graph):
            found.results[number, position] = trace, value


def _place_calls(
    traces: Sequence[Trace],
    ops: Sequence[tuple[int, Op]],
    calls: Sequence[SeenCall],
    opened: set[str],
) -> dict[int, int]:
    """Return the position in `ops` of every call that has one."""
    places: dict[int, int] = {}
    start = 0
    for number, call in enumerate(calls):
        place = _find_op(traces, ops, range(start, len(ops)), call, by_name=True)
        if place is not None:
            places[number], start = place, place + 1
    for number, call in enumerate(calls):
        if number not in places and call.name not in opened:
            before = max((p for n, p in places.items() if n < number), default=-1)
            after = min((p for n, p in places.items() if n > number), default=len(ops))
            between = range(before + 1, after)
            place = _find_op(traces, ops, between, call, by_name=False)
            if place is not None:
                places[number] = place
    return places


def _note_missing(call: SeenCall, found: Matches) -> None:
    if call.is_transformed:
        found.transformed.append(call.name)
    else:
        found.missing.append(f"no op for the call {call.name}")


def _find_op(
    traces: Sequence[Trace],
    ops: Sequence[tuple[int, Op]],
    places: range,
    call: SeenCall,
    *,
    by_name: bool,
) -> int | None:
    """Return the first of `places` whose op has the call's results (and name)."""
    if call.is_transformed:
        return None
    name = call.name.strip("_")
    for place in places:
        trace, op = ops[place]
        if by_name and op.name.strip("_") != name:
            continue
        if _has_results(op, call, traces[trace].graph):
            return place
    return None


def _has_results(op: Op, call: SeenCall, graph: Graph) -> bool:
    return len(list(_pair_results(call, op, graph))) == len(call.made)


def _pair_results(call: SeenCall, op: Op, graph: Graph) -> Iterator[Place]:
    """Pair each result with the first output of its shape and dtype that is left."""
    left = [graph.values[v] for v in op.outputs]
    for position, seen in enumerate(call.made):
        for value in left:
            if (value.shape, value.dtype) == (seen.shape, seen.dtype):
                left.remove(value)
                yield position, value.id
                break


def _match_output(
    number: int,
    tensor: torch.Tensor,
    where: tuple[Sequence[Trace], TrueGraph],
    hints: tuple[Place | None, bool],
    found: Matches,
) -> None:
    """Find the value that output `number` is, and all nodes below it."""
    traces, graph = where
    root = graph.roots[number]
    problem = ""
    for trace, value in _candidates(traces, tensor, root, hints):
        if root is None:
            found.outputs[number] = trace, value.id
            return
        if found.home not in (None, trace):
            continue
        nodes = _match_below(root, value, traces[trace].graph, graph, found.nodes)
        if isinstance(nodes, dict):
            found.nodes, found.home = nodes, trace
            found.outputs[number] = trace, value.id
            return
        problem = problem or nodes
    if hints[1] and root is None:
        return  # handed back as it was given: no op made or changed it
    name = graph.nodes[root[0]].name if root is not None else "no node"
    problem = problem or "no such value"
    found.missing.append(f"output with {name}: {problem}")


def _candidates(
    traces: Sequence[Trace],
    tensor: torch.Tensor,
    root: Place | None,
    hints: tuple[Place | None, bool],
) -> list[tuple[int, Value]]:
    """List values that `tensor` may be, the most likely first, then the latest."""
    first, is_given = hints
    fitting = [
        (number, value)
        for number in range(len(traces) - 1, -1, -1)
        for value in reversed(traces[number].graph.values)
        if _fits(tensor, value, root) and (is_given or value.op is not None)
    ]
    return sorted(fitting, key=lambda pair: (pair[0], pair[1].id) != first)


def _fits(tensor: torch.Tensor, value: Value, root: Place | None) -> bool:
    shape = () if tensor.is_nested else tuple(tensor.shape)
    if (value.shape, value.dtype) != (shape, str(tensor.dtype).partition(".")[2]):
        return False
    if root is None:
        return value.is_leaf or not value.requires_grad
    return value.grad_node is not None and value.grad_output == root[1]


def _match_below(
    root: Place, value: Value, graph: Graph, true: TrueGraph, known: dict[int, int]
) -> dict[int, int] | str:
    """Compare the graphs below `root` and `value`; say where they differ first."""
    nodes = dict(known)
    back = {recorded: place for place, recorded in nodes.items()}
    pending = [(root[0], value.grad_node)]
    while pending:
        place, recorded = pending.pop()
        if recorded is None:
            return f"{true.nodes[place].name} is not there"
        if place in nodes or recorded in back:
            if nodes.get(place) != recorded:
                return f"{true.nodes[place].name} is another node"
            continue
        difference = _compare_nodes(place, recorded, graph, true)
        if difference:
            return difference
        nodes[place], back[recorded] = recorded, place
        edges = zip(
            true.nodes[place].edges, graph.grad_nodes[recorded].edges, strict=True
        )
        pending += [(t[0], edge.target) for t, edge in edges if t is not None]
    return nodes


def _compare_nodes(place: int, recorded: int, graph: Graph, true: TrueGraph) -> str:
    wanted, node = true.nodes[place], graph.grad_nodes[recorded]
    if node.name.rpartition("::")[2] != wanted.name:
        return f"{wanted.name} is recorded as {node.name}"
    if wanted.name == ACCUMULATE:
        leaf = None if node.leaf is None else graph.values[node.leaf]
        kind = None if leaf is None else (leaf.shape, leaf.dtype)
        return "" if kind == wanted.leaf else f"leaf {wanted.leaf} is {kind}"
    if len(node.edges) != len(wanted.edges):
        return f"{wanted.name} has {len(wanted.edges)} edges, not {len(node.edges)}"
    for number, (edge, seen) in enumerate(zip(wanted.edges, node.edges, strict=True)):
        place_of = None if seen.target is None else seen.output
        if (None if edge is None else edge[1]) != place_of:
            return f"{wanted.name}: edge {number} is {edge} and not {place_of}"
    return ""
