"""Questions to a trace, in the words that the zoo's expectations are written in."""

from typing import Any

import numpy as np

from graphscope.diagram.build import build_diagram
from graphscope.diagram.options import DiagramOptions
from graphscope.model.graph import Graph, Op, OpKind, Slot, Value
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from graphscope.render.dot import to_dot
from graphscope.render.text import to_text


def numbers(seen: Observation | None) -> Any:
    """Return what was seen as nested lists, rounded to four decimals."""
    if seen is None or seen.data is None:
        return None
    if np.iscomplexobj(seen.data):
        return np.round(seen.data, 4).tolist()
    return np.round(np.asarray(seen.data, np.float64), 4).tolist()


def ops_named(trace: Trace, name: str) -> list[Op]:
    """Return the ops of that name, in order."""
    return [op for op in trace.graph.ops if op.name == name]


def op_named(trace: Trace, name: str) -> Op:
    """Return the only op of that name."""
    found = ops_named(trace, name)
    names = [op.name for op in trace.graph.ops]
    assert len(found) == 1, f"{len(found)} ops are named {name!r} in {names}"
    return found[0]


def names_of(graph: Graph, values: tuple[int, ...]) -> list[str | None]:
    """Return the names of values."""
    return [graph.values[v].name for v in values]


def op_names(trace: Trace) -> list[str]:
    """Return the names of all ops that are not creations, in order."""
    return [op.name for op in trace.graph.ops if op.kind is not OpKind.CREATE]


def gaps(trace: Trace) -> list[str]:
    """Return why things could not be seen."""
    return [gap.reason for gap in trace.graph.gaps]


def versions(trace: Trace, name: str) -> list[int]:
    """Return the version numbers of the values of a name, in order of making."""
    graph = trace.graph
    return [graph.values[i].version for i in graph.names.get(name, ())]


def slots(
    trace: Trace, role: str, value: Value | None = None
) -> list[tuple[Slot, Any]]:
    """Return the slots of a role with their numbers, of one value or of all."""
    found = zip(trace.graph.slots, trace.observations, strict=True)
    return [
        (slot, numbers(seen))
        for slot, seen in found
        if slot.role.value == role and (value is None or slot.value == value.id)
    ]


def seen_as(trace: Trace, role: str, name: str) -> list[Any]:
    """Return the numbers of a role about the value that resolves to `name`."""
    return [seen for _, seen in slots(trace, role, trace.resolve(name))]


def edges_into(trace: Trace, name: str) -> list[Any]:
    """Return each contribution to the gradient of `name`, in order of arrival."""
    return seen_as(trace, "edge", name)


def ops_of_scope(trace: Trace, scope: str) -> list[str]:
    """Return the names of the ops that ran in a scope or inside of it."""
    inside = f"{scope}."
    ops = trace.graph.ops
    return [o.name for o in ops if o.scope == scope or o.scope.startswith(inside)]


def events(trace: Trace) -> list[str]:
    """Return the kinds of the events, in order."""
    return [event.kind.value for event in trace.graph.events]


def picture(trace: Trace, depth: int | None = None) -> str:
    """Return the text picture."""
    return to_text(build_diagram(trace, DiagramOptions(depth=depth)))


def dot(trace: Trace) -> str:
    """Return the picture as DOT source."""
    return to_dot(build_diagram(trace, DiagramOptions()))


def boxes(trace: Trace) -> list[str]:
    """Return the text of every box of the picture, a line each."""
    return [
        " | ".join([box.title, *(line.text for line in box.lines)])
        for box in build_diagram(trace, DiagramOptions()).boxes
    ]
