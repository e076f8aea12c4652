"""In which row a node goes: edges lead to later rows, and no cycle is left."""

from collections.abc import Sequence

Pair = tuple[int, int]


def drop_cycles(count: int, edges: Sequence[Pair]) -> set[int]:
    """Return the indices of edges to leave out so that no cycle remains.

    Those are the edges that lead back to a node whose exploration is still open,
    when nodes and edges are explored in the order of the input.
    """
    leaving: list[list[int]] = [[] for _ in range(count)]
    for index, (source, _) in enumerate(edges):
        leaving[source].append(index)
    position = [0] * count
    is_open, is_done = [False] * count, [False] * count
    dropped: set[int] = set()
    for start in range(count):
        stack = [] if is_done[start] else [start]
        while stack:
            node = stack[-1]
            is_open[node] = True
            if position[node] == len(leaving[node]):
                is_open[node], is_done[node] = False, True
                stack.pop()
                continue
            index = leaving[node][position[node]]
            position[node] += 1
            target = edges[index][1]
            if is_open[target]:
                dropped.add(index)
            elif not is_done[target]:
                stack.append(target)
    return dropped


def rank_nodes(count: int, edges: Sequence[Pair]) -> list[int]:
    """Return a rank for each node, so that every edge leads to a greater rank.

    A node stands right below its deepest parent. But nodes without parents, and loose
    chains that begin there, sink to just above their first reader: a weight stands
    beside the op that uses it and not at the top of the picture. The edges must form
    no cycle.
    """
    children: list[list[int]] = [[] for _ in range(count)]
    parents: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        children[source].append(target)
        parents[target].append(source)
    order = _sort_topologically(children, parents)
    ranks = [0] * count
    is_loose = [False] * count
    for node in order:
        above = parents[node]
        ranks[node] = max((ranks[parent] + 1 for parent in above), default=0)
        is_loose[node] = not above or _follows(above[0], children, is_loose)
    for node in reversed(order):
        if is_loose[node] and children[node]:
            ranks[node] = min(ranks[child] for child in children[node]) - 1
    return ranks


def _follows(
    first_parent: int, children: Sequence[Sequence[int]], is_loose: Sequence[bool]
) -> bool:
    """Whether the first parent can sink too, as nothing else reads it.

    The first argument of an op is what it works on; further ones (weights) may be
    shared, as in an unrolled recurrent network.
    """
    return is_loose[first_parent] and len(children[first_parent]) == 1


def _sort_topologically(
    children: Sequence[Sequence[int]], parents: Sequence[Sequence[int]]
) -> list[int]:
    waiting = [len(above) for above in parents]
    order = [node for node, above in enumerate(parents) if not above]
    for node in order:  # grows while it is read
        for child in children[node]:
            waiting[child] -= 1
            if not waiting[child]:
                order.append(child)
    return order
