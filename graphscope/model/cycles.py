"""Whether relations that follow time run in circles, which no real step can do.

Separate from the other invariants, because only a stranger's file can break it: the
reader of recordings asks, so that everything that walks a graph may rely on an end.
"""

from collections.abc import Iterator, Sequence

from graphscope.model.graph import Graph


def find_cycles(graph: Graph) -> Iterator[str]:
    """Yield one sentence for each relation that must not run in circles but does."""
    made_by = [value.op for value in graph.values]
    if not _is_acyclic([[made_by[v] for v in op.inputs] for op in graph.ops]):
        yield "an op needs its own result"
    if not _is_acyclic([[e.target for e in n.edges] for n in graph.grad_nodes]):
        yield "a grad node sends its gradient to itself"
    if not _is_acyclic([[value.previous] for value in graph.values]):
        yield "a value is its own earlier version"


def _is_acyclic(targets: Sequence[Sequence[int | None]]) -> bool:
    waiting = [0] * len(targets)
    for row in targets:
        for target in row:
            if target is not None:
                waiting[target] += 1
    ready = [node for node, count in enumerate(waiting) if count == 0]
    done = 0
    while ready:
        done += 1
        for target in targets[ready.pop()]:
            if target is None:
                continue
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return done == len(targets)
