"""How a node is called and what its numbers look like on the screen."""

from dataclasses import replace

from graphscope.diagram.derivatives import local_text
from graphscope.diagram.labels import derivative, expression_of, root_name, sign_of
from graphscope.model.graph import EventKind, Op, OpKind, Phase, Role, ValueKind
from graphscope.model.numbers import format_number, format_observation
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from graphscope.tui.lines import Tone
from graphscope.tui.moment import ARRIVALS, VALUES, Moment, Reading
from graphscope.tui.outline import Node

KIND_TONES = {
    ValueKind.PARAMETER: Tone.PARAMETER,
    ValueKind.BUFFER: Tone.PARAMETER,
    ValueKind.INPUT: Tone.INPUT,
}

PHASE_NAMES = {phase: f"{phase.value} {phase.name.lower()}" for phase in Phase}


def name_of_node(trace: Trace, node: Node) -> str:
    """Return the user's name of a node, empty when it has none."""
    if node.value is None:
        return ""
    value = trace.graph.values[node.value]
    if value.kind is ValueKind.GRADIENT and not value.name and value.owner is not None:
        return f"{trace.title_of(value.owner)}.grad"
    return value.name or ""


def title_of_node(trace: Trace, node: Node) -> str:
    """Return a name for a node in any case: the user's, its expression, its op."""
    if node.value is not None:
        return name_of_node(trace, node) or trace.title_of(node.value)
    return trace.graph.ops[node.op].name if node.op is not None else "?"


def short_name(trace: Trace, node: Node) -> str:
    """Return the user's name, else the sign of the op."""
    name = name_of_node(trace, node)
    if name or node.op is None:
        return name
    return sign_of(trace.graph.ops[node.op])


def describe(trace: Trace, node: Node) -> str:
    """Return the expression of an op, or what kind of leaf it is."""
    if node.op is not None:
        op = trace.graph.ops[node.op]
        return (
            f"{op.note or 'not seen'}" if op.kind is OpKind.GAP else _plain(trace, op)
        )
    if node.value is None:
        return ""
    value = trace.graph.values[node.value]
    return f"{value.kind.value} {value.note}".rstrip()


def _plain(trace: Trace, op: Op) -> str:
    text = expression_of(trace, op)
    for prefix in ("torch.nn.functional.", "torch.", "F."):
        if text.startswith(prefix):
            return text[len(prefix) :]
    return text


def tone_of_node(trace: Trace, node: Node) -> Tone:
    """Return the tone of a node's name."""
    if node.value is None:
        return Tone.PLAIN
    return KIND_TONES.get(trace.graph.values[node.value].kind, Tone.PLAIN)


def value_reading(moment: Moment, node: Node) -> Reading | None:
    """Return the value of a node as it is, or will first be.

    Of an op that hands numbers to Python it is the value that was read.
    """
    if node.value is not None:
        return moment.latest(node.value, *VALUES)
    op = None if node.op is None else moment.graph.ops[node.op]
    if op is None or op.kind is not OpKind.READOUT or not op.inputs:
        return None
    event = moment.graph.op_events.get(op.id, -1)
    readings = moment.readings(op.inputs[0], *VALUES)
    before = [r for r in readings if r.slot.event <= event]
    is_known = moment.has_happened(event)
    return replace(before[-1], is_known=is_known) if before else None


def gradient_reading(moment: Moment, node: Node) -> Reading | None:
    """Return the gradient that arrived last, or will first arrive."""
    return None if node.value is None else moment.latest(node.value, *ARRIVALS)


def reading_text(reading: Reading) -> str:
    """Write a reading: the number, `None` or `not read`; a Jacobian as in pictures."""
    seen = reading.seen
    if reading.slot.role is Role.LOCAL and seen is not None and seen.data is not None:
        return local_text(seen.data, seen.data.shape[: seen.data.ndim - reading.axes])
    return format_observation(seen)


def short_text(seen: Observation | None) -> str:
    """Write an observation in a few characters: of a tensor its mean alone."""
    if seen is None or seen.stats is None or seen.stats.numel <= 1:
        return format_observation(seen)
    stats = seen.stats
    if stats.nans + stats.infs == stats.numel:  # no mean: NaN would name the wrong one
        kinds = [kind for kind, n in (("NaN", stats.nans), ("Inf", stats.infs)) if n]
        return f"all {' or '.join(kinds)} !"
    bad = "" if stats.is_finite else " !"
    return f"μ {format_number(stats.mean)}{bad}"


def gradient_name(trace: Trace, value: int) -> str:
    """Write which derivative the gradient of `value` is: `∂L/∂z`."""
    return derivative(root_name(trace, trace.graph.roots), _factor_name(trace, value))


def local_name(trace: Trace, above: int, below: int) -> str:
    """Write a local derivative's name: `∂z/∂u`."""
    return derivative(_factor_name(trace, above), _factor_name(trace, below))


def _factor_name(trace: Trace, value: int) -> str:
    """Name a value as derivatives do: the lectures write L for a loss."""
    if value in trace.graph.roots:
        return root_name(trace, (value,))
    return trace.title_of(value)


def locals_of(moment: Moment, node: Node) -> list[tuple[str, Reading]]:
    """Return the local derivatives of an op that were recorded, with their names."""
    return _along_edges(moment, node, Role.LOCAL)


def edges_of(moment: Moment, node: Node) -> list[tuple[str, Reading]]:
    """Return the gradients that an op sent along its edges, by the name of the end."""
    return _along_edges(moment, node, Role.EDGE)


def _along_edges(moment: Moment, node: Node, role: Role) -> list[tuple[str, Reading]]:
    graph, trace = moment.graph, moment.trace
    if node.op is None or node.value is None:
        return []
    found = []
    for grad_node in graph.ops[node.op].grad_nodes:
        for event in graph.grad_events.get(grad_node, ()):
            for reading in moment.readings_of_event(event):
                target = reading.slot.value
                if reading.slot.role is role and target is not None:
                    is_local = role is Role.LOCAL
                    name = (
                        local_name(trace, node.value, target)
                        if is_local
                        else trace.title_of(target)
                    )
                    found.append((name, reading))
    return found


def event_text(trace: Trace, index: int, *, is_before: bool = False) -> str:
    """Say in a few words what an event is; `is_before` when it is still to come."""
    event = trace.graph.events[index]
    if event.kind is EventKind.GRAD and event.grad_node is not None:
        node = trace.graph.grad_nodes[event.grad_node]
        return f"about to run: {node.name}" if is_before else f"{node.name} ran"
    return trace.event_title(index)
