"""Which neighbours in time belong to the same module, down to a given depth.

Grouping works on sequences in order of time and only ever joins neighbours. Whatever
is joined is therefore an interval of a topological order, and the graph of groups has
no cycle: a module that is called again after other ops ran becomes a second group.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from graphscope.model.graph import Graph


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours that ran in the same module: positions `start` to `stop` - 1.

    `scope` is the module path down to the depth that was asked for.
    """

    scope: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class OpGroup:
    """Ops of a graph that ran in the same module without a break, in order."""

    scope: str
    ops: tuple[int, ...]


def scope_depth(scope: str) -> int:
    """Return how many modules deep a scope is.

    >>> scope_depth(""), scope_depth("encoder.layers.3")
    (0, 3)
    """
    return len(scope.split(".")) if scope else 0


def scope_prefix(scope: str, depth: int) -> str:
    """Cut a scope to its outermost `depth` components.

    >>> scope_prefix("encoder.layers.3", 2)
    'encoder.layers'
    """
    return ".".join(scope.split(".")[:depth])


def scope_runs(scopes: Sequence[str | None], depth: int) -> tuple[Run, ...]:
    """Find the runs of neighbours inside of modules that are at least `depth` deep.

    What stands outside of any module (an empty scope) or closer to the root than
    `depth` belongs to no run. None stands for something that separates runs. Depth 0
    joins everything inside of any module.

    >>> scope_runs(["a.x", "a.y", "", "a.x"], 1)
    (Run(scope='a', start=0, stop=2), Run(scope='a', start=3, stop=4))
    """
    runs: list[Run] = []
    for position, scope in enumerate(scopes):
        if scope is None or scope_depth(scope) < max(depth, 1):
            continue
        prefix = scope_prefix(scope, depth)
        last = runs[-1] if runs else None
        if last is not None and last.stop == position and last.scope == prefix:
            runs[-1] = Run(prefix, last.start, position + 1)
        else:
            runs.append(Run(prefix, position, position + 1))
    return tuple(runs)


def group_ops(
    graph: Graph, depth: int, *, hidden: Collection[int] = ()
) -> tuple[OpGroup, ...]:
    """Group the ops of a graph by module, leaving out the ids in `hidden`."""
    ops = [op for op in graph.ops if op.id not in hidden]
    return tuple(
        OpGroup(run.scope, tuple(op.id for op in ops[run.start : run.stop]))
        for run in scope_runs([op.scope for op in ops], depth)
    )
