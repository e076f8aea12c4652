"""What the findings about graphs that live too long look at."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.source import source_of
from graphscope.analysis.why.retained.sizes import (
    Retained,
    leads_to,
    measure,
    older_nodes_run,
)
from graphscope.model.graph import Graph, Op, Value, ValueKind
from graphscope.model.kept import Hold, Holder, KeptGraph
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_SIMPLE: Final = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)


@dataclass(frozen=True, slots=True)
class Scene:
    """A step at whose end graphs of earlier ones are alive.

    Attributes:
        trace: The step.
        facts: Of its graph.
        graphs: Step -> graph, of the last steps.
    """

    trace: Trace
    facts: Facts
    graphs: Mapping[int, Graph]


@dataclass(frozen=True, slots=True)
class Held:
    """Tensors of earlier steps, and who holds them.

    Attributes:
        kept: Their lines.
        holder: The variable or container.
    """

    kept: tuple[KeptGraph, ...]
    holder: Holder


@dataclass(frozen=True, slots=True)
class Cost:
    """What graphs of earlier steps cost.

    Attributes:
        retained: What those of one step keep, None when it is not known.
        is_scalar: Whether all tensors that are held are known to have one number.
    """

    retained: Retained | None
    is_scalar: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Graphs that hang on each other from step to step.

    Attributes:
        kept: The lines whose graphs are alive by that.
        carried: The values of the step before that this one went on with.
        ops: The first calls that did so, one for each of `carried`.
    """

    kept: tuple[KeptGraph, ...]
    carried: tuple[Value, ...]
    ops: tuple[Op, ...]


def _known(scene: Scene, kept: KeptGraph) -> list[tuple[Graph, int]]:
    """Return the graphs of earlier steps that are known, each with the value in it."""
    pairs = zip(kept.steps, kept.values, strict=False)
    return [
        (scene.graphs[step], value)
        for step, value in pairs
        if step in scene.graphs and 0 <= value < len(scene.graphs[step].values)
    ]


def weigh(scene: Scene, kept: Sequence[KeptGraph]) -> Cost:
    """Return what the graphs of some lines cost in one step.

    Of the steps that are known it is the one that keeps most.
    """
    found: list[Retained] = []
    for step in kept[0].steps:
        graph = scene.graphs.get(step)
        if graph is not None:
            lines = (one for one in kept if step in one.steps)
            places = [one.values[one.steps.index(step)] for one in lines]
            found.append(measure(graph, [place for place in places if place >= 0]))
    shapes = [graph.values[v].shape for one in kept for graph, v in _known(scene, one)]
    return Cost(
        retained=max(found, key=_weight, default=None),
        is_scalar=bool(shapes) and all(prod(shape) == 1 for shape in shapes),
    )


def _weight(one: Retained) -> tuple[int, int]:
    return one.saved_bytes + one.own_bytes, one.nodes


def statement_of(scene: Scene, site: Site | None) -> str:
    """Return the text of the simple statement that a site is in, empty without one."""
    source = None if site is None else source_of(scene.trace.sources, site.file)
    if source is None or site is None:
        return ""
    found = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, _SIMPLE)
        and node.lineno <= site.line <= (node.end_lineno or node.lineno)
    ]
    return source.text_of(found[0]) if len(found) == 1 else ""


def is_explained(scene: Scene, kept: KeptGraph, by: KeptGraph) -> bool:
    """Whether one line's graphs are alive because those of another are."""
    mine = dict(zip(kept.steps, kept.values, strict=False))
    for step, value in zip(by.steps, by.values, strict=False):
        graph, other = scene.graphs.get(step), mine.get(step, -1)
        if graph is not None and value >= 0 and other >= 0:
            return leads_to(graph, value, other)
    return False


def find_chain(scene: Scene, kept: Sequence[KeptGraph]) -> Chain | None:
    """Return through what this step hangs on the one before; None when it does not.

    That is a value that becomes a new one of the same name: `total = total + loss`.
    Without such a name it may be any that is carried, if no tensor of the kept graphs
    is alive: what a node has saved is alive, although no variable holds it.
    """
    graph = scene.trace.graph
    carried = [v for v in graph.values if v.kind is ValueKind.CARRIED]
    renewed = [v for v in carried if v.name and _is_renewed(graph, v)]
    is_sure = all(one.hold is Hold.GRAPH for one in kept)
    pairs = [
        (value, op)
        for value in renewed or (carried if is_sure else ())
        if (op := _first_reader(graph, value)) is not None
    ]
    if not pairs:
        return None
    values, ops = zip(*pairs, strict=True)
    return Chain(tuple(kept), values, ops)


def used_names(graph: Graph) -> frozenset[str]:
    """Return what is carried into a step whose backward has run older nodes.

    A value without a name is called by the empty text.
    """
    if not older_nodes_run(graph):
        return frozenset()
    values = (v for v in graph.values if v.kind is ValueKind.CARRIED)
    return frozenset(value.name or "" for value in values)


def _is_renewed(graph: Graph, value: Value) -> bool:
    """Whether a later value of the same name is computed from a value."""
    waiting, seen = [value.id], {value.id}
    while waiting:
        for reader in graph.consumers.get(waiting.pop(), ()):
            op = graph.ops[reader]
            for made in () if op.cut else op.outputs:
                if graph.values[made].name == value.name:
                    return True
                if made not in seen:
                    seen.add(made)
                    waiting.append(made)
    return False


def _first_reader(graph: Graph, value: Value) -> Op | None:
    """Return the first call that goes on with a value's graph."""
    for reader in graph.consumers.get(value.id, ()):
        op = graph.ops[reader]
        if op.site is not None and not op.cut and op.grad_nodes:
            return op
    return None
