"""A step as GraphML, for graph tools such as yEd, Gephi and networkx itself.

Node ids are `v12` (value), `op3` (op) and `g5` (autograd node). Edges go from values
into ops and out of them in the direction of the data (`relation` "input" and
"output"), and between autograd nodes in the direction of the gradients ("gradient");
"grad_node" leads from a value to the autograd node that its gradient arrives at.
Numbers are attributes: the number itself for single elements, statistics for the rest.
"""

from math import isfinite
from typing import Any

from graphscope.model.graph import Graph, Op, Role, Value
from graphscope.model.numbers import format_number
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.model.trace import Trace
from graphscope.render.escape import clean_text

Attributes = dict[str, str | int | float | bool]


def to_graphml(trace: Trace) -> str:
    """Return ops, values and autograd nodes of a step as a GraphML document."""
    import networkx as nx

    picture: Any = nx.MultiDiGraph(step=trace.step, status=trace.status.value)
    for value in trace.graph.values:
        picture.add_node(f"v{value.id}", **_value_attributes(trace, value))
    for op in trace.graph.ops:
        picture.add_node(f"op{op.id}", **_op_attributes(op))
    for node in trace.graph.grad_nodes:
        label = clean_text(node.name)
        picture.add_node(f"g{node.id}", element="grad_node", label=label)
    for source, target, attributes in _edges(trace):
        picture.add_edge(source, target, **attributes)
    return "\n".join(nx.generate_graphml(picture, prettyprint=True)) + "\n"


def _value_attributes(trace: Trace, value: Value) -> Attributes:
    return {
        "element": "value",
        "kind": value.kind.value,
        "label": clean_text(trace.title_of(value.id)),
        "name": clean_text(value.name or ""),
        "also": clean_text(", ".join(value.also)),
        "class": clean_text(value.class_name),
        "dtype": clean_text(value.dtype),
        "shape": ", ".join(str(size) for size in value.shape),
        "device": clean_text(value.device),
        "requires_grad": value.requires_grad,
        "version": value.version,
        **_site_attributes(value.site),
        **number_attributes("value", trace.value_of(value.id)),
        **number_attributes("gradient", trace.gradient_of(value.id)),
    }


def _op_attributes(op: Op) -> Attributes:
    return {
        "element": "op",
        "kind": op.kind.value,
        "label": clean_text(op.name),
        "target": clean_text(op.target),
        "scope": clean_text(op.scope),
        "cut": clean_text(op.cut),
        "note": clean_text(op.note),
        **_site_attributes(op.site),
    }


def _site_attributes(site: Site | None) -> Attributes:
    if site is None:
        return {}
    return {
        "file": clean_text(site.file),
        "line": site.line,
        "expression": clean_text(site.expression),
    }


def number_attributes(prefix: str, seen: Observation | None) -> Attributes:
    """Return what was seen as attributes, none for an absent or unread tensor."""
    if seen is None or seen.stats is None:
        return {}
    if seen.scalar is not None:
        return _finite(prefix, seen.scalar)
    stats = seen.stats
    return {
        **_finite(f"{prefix}_min", stats.minimum),
        **_finite(f"{prefix}_max", stats.maximum),
        **_finite(f"{prefix}_mean", stats.mean),
        **_finite(f"{prefix}_std", stats.std),
        **_finite(f"{prefix}_l2", stats.l2),
        f"{prefix}_zeros": stats.zeros,
        f"{prefix}_nans": stats.nans,
        f"{prefix}_infs": stats.infs,
    }


def _finite(name: str, number: Any) -> Attributes:
    """Return a number, as text under another name when no double can hold it.

    XML Schema writes `INF`, Java `Infinity` and Python `inf`: no reader takes all.
    """
    if isinstance(number, complex) or not isfinite(number):
        return {f"{name}_text": format_number(number)}
    return {name: float(number)}


def _edges(trace: Trace) -> list[tuple[str, str, Attributes]]:
    return [
        *_forward_edges(trace.graph),
        *_gradient_edges(trace),
    ]


def _forward_edges(graph: Graph) -> list[tuple[str, str, Attributes]]:
    found: list[tuple[str, str, Attributes]] = []
    for op in graph.ops:
        for position, value in enumerate(op.inputs):
            attributes: Attributes = {"relation": "input", "position": position}
            found.append((f"v{value}", f"op{op.id}", attributes))
        for position, value in enumerate(op.outputs):
            attributes = {"relation": "output", "position": position}
            found.append((f"op{op.id}", f"v{value}", attributes))
    return found


def _gradient_edges(trace: Trace) -> list[tuple[str, str, Attributes]]:
    seen = {
        (slot.grad_node, slot.position): trace.seen(index)
        for index, slot in enumerate(trace.graph.slots)
        if slot.role is Role.EDGE
    }
    found: list[tuple[str, str, Attributes]] = [
        (f"v{value.id}", f"g{value.grad_node}", {"relation": "grad_node"})
        for value in trace.graph.values
        if value.grad_node is not None
    ]
    for node in trace.graph.grad_nodes:
        for position, edge in enumerate(node.edges):
            if edge.target is None:
                continue
            attributes: Attributes = {"relation": "gradient", "position": position}
            numbers = number_attributes("gradient", seen.get((node.id, position)))
            found.append((f"g{node.id}", f"g{edge.target}", attributes | numbers))
    return found
