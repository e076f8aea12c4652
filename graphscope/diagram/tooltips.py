"""What does not fit into a box: source line, type, autograd node, statistics."""

from graphscope.diagram.labels import name_of
from graphscope.model.graph import Op, Value
from graphscope.model.numbers import format_number, format_type
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.model.trace import Trace


def value_tooltip(trace: Trace, value: Value) -> str:
    """Describe a leaf: where it came from, its type, its statistics."""
    node = None if value.grad_node is None else trace.graph.grad_nodes[value.grad_node]
    lines = [
        _site_text(value.site),
        f"{value.kind.value} {type_text(value)}",
        "" if node is None else node.name,
        stats_text(trace.value_of(value.id)),
    ]
    return "\n".join(line for line in lines if line)


def op_tooltip(trace: Trace, op: Op) -> str:
    """Describe an op: its source line, torch's name, results and autograd nodes."""
    graph = trace.graph
    values = [graph.values[v] for v in op.outputs]
    results = [f"{name_of(v)} {type_text(v)}".lstrip() for v in values]
    seen = [stats_text(trace.value_of(v.id)) for v in values]
    nodes = ", ".join(graph.grad_nodes[n].name for n in op.grad_nodes)
    lines = [
        _site_text(op.site),
        f"{op.target} in {op.scope}" if op.scope else op.target,
        f"→ {', '.join(results)}" if results else "",
        nodes,
        *seen,
        f"no gradient: {op.cut}" if op.cut else "",
        op.note,
    ]
    return "\n".join(line for line in lines if line)


def type_text(value: Value) -> str:
    """Write type, shape, a subclass and, unless it is the CPU, the device."""
    text = f"{format_type(value.dtype, value.shape)} {value.class_name}".rstrip()
    return text if value.device == "cpu" else f"{text} {value.device}"


def stats_text(seen: Observation | None) -> str:
    """Write the statistics of a tensor with more than one element, else nothing."""
    if seen is None or (seen.data is not None and seen.data.size <= 1):
        return ""
    stats = seen.stats
    if stats is None:
        return ""
    parts = [
        f"min {format_number(stats.minimum)}",
        f"max {format_number(stats.maximum)}",
        f"mean {format_number(stats.mean)}",
        f"std {format_number(stats.std)}",
        f"l2 {format_number(stats.l2)}",
    ]
    counts = {"zeros": stats.zeros, "NaN": stats.nans, "Inf": stats.infs}
    parts.extend(f"{count} {noun}" for noun, count in counts.items() if count)
    return ", ".join(parts)


def _site_text(site: Site | None) -> str:
    if site is None:
        return ""
    text = " ".join(site.expression.split())
    return f"{site.short}  {text}" if text else site.short
