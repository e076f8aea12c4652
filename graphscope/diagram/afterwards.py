"""What the user's code computed after backward and gave a name, or used: drawn too.

`max_diff = (by_hand - w.grad).abs().max()` is a lesson. What a library does to the
gradients (clipping, logging) is not: it has no name, or all of it carries one line.
"""

from collections import defaultdict

from graphscope.model.graph import EventKind, Op, OpKind, Phase
from graphscope.model.trace import Trace

_BACKWARD = (EventKind.GRAD, EventKind.ACCUMULATE, EventKind.CAPTURE)


def find_afterwards(trace: Trace) -> frozenset[int]:
    """Return the ops behind a pass's last backward whose results are named or used."""
    graph = trace.graph
    after = {op.id: op for op in _ops_behind(trace)}
    found: set[int] = set()
    for op in after.values():
        is_named = any(graph.values[v].name for v in op.outputs)
        readers = (r for v in op.outputs for r in graph.consumers.get(v, ()))
        if not is_named and all(r in after for r in readers):
            continue
        needed = _ancestors(trace, op, after)
        if not any(_is_inside(trace, after[one]) for one in needed):
            found |= needed
    return frozenset(found)


def _ops_behind(trace: Trace) -> list[Op]:
    graph = trace.graph
    last: defaultdict[int, int] = defaultdict(lambda: len(graph.events))
    for event in graph.events:
        if event.kind in _BACKWARD:
            last[event.pass_index] = event.index
    return [
        graph.ops[event.op]
        for event in graph.events
        if event.op is not None
        and event.phase is Phase.BACKWARD
        and event.index > last[event.pass_index]
        and graph.ops[event.op].kind is OpKind.COMPUTE
    ]


def _ancestors(trace: Trace, op: Op, after: dict[int, Op]) -> set[int]:
    """Return an op and those of `after` that it is computed from."""
    found: set[int] = set()
    waiting = [op.id]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        makers = (trace.graph.values[v].op for v in after[one].inputs)
        waiting += [maker for maker in makers if maker in after]
    return found


def _is_inside(trace: Trace, op: Op) -> bool:
    """Whether an op is a part of a call that some other op carries as well."""
    graph = trace.graph
    readers = (reader for v in op.outputs for reader in graph.consumers.get(v, ()))
    return any(graph.ops[reader].site == op.site for reader in readers)
