"""What the structure of one step says of its parameters, without a look at numbers.

Worked out once for a graph, and cheap: the check that asks for it runs beside a
training.
"""

from dataclasses import dataclass

from graphscope.analysis.why.missing.flow import is_users
from graphscope.model.graph import EventKind, Graph, OpKind, Value, ValueKind


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the parameters of a graph.

    Attributes:
        wanted: Names of those that require a gradient.
        accumulated: Names of those whose `.grad` a backward has added to.
        captured: Names of those whose gradient autograd.grad has returned.
        held: Names of those that an optimizer of the step holds.
        by_hand: Names of those that the user's code changed in place.
        emptied: Names of those whose gradient was set to None between the backward
            and the update of the optimizer that holds them.
        has_backward: Whether a backward ran.
        has_update: Whether an optimizer updated anything, or was asked to.
        is_exact: Whether an accumulation is one for certain; a Function of the user's
            may have sent None.
    """

    wanted: tuple[str, ...]
    accumulated: frozenset[str]
    captured: frozenset[str]
    held: frozenset[str]
    by_hand: frozenset[str]
    emptied: frozenset[str]
    has_backward: bool
    has_update: bool
    is_exact: bool


def see_graph(graph: Graph) -> Seen:
    """Return what the structure of a step says of its parameters."""
    kinds = {event.kind for event in graph.events}
    return Seen(
        wanted=tuple(_wanted(graph)),
        accumulated=_names_in_events(graph, EventKind.ACCUMULATE),
        captured=_names_in_events(graph, EventKind.CAPTURE),
        held=frozenset(
            p.name for run in graph.optimizers for p in run.parameters if p.name
        ),
        by_hand=frozenset(
            name
            for op in graph.ops
            if op.kind is OpKind.UPDATE
            for value in op.outputs
            for name in _names_of(graph.values[value])
        ),
        emptied=frozenset(_emptied(graph)),
        has_backward=bool(
            kinds & {EventKind.ACCUMULATE, EventKind.CAPTURE, EventKind.GRAD}
        ),
        has_update=EventKind.UPDATE in kinds,
        is_exact=not any(is_users(node.name) for node in graph.grad_nodes),
    )


def _names_of(value: Value) -> tuple[str, ...]:
    return () if value.name is None else (value.name, *value.also)


def parameter_names(graph: Graph) -> list[str]:
    """Return the names of all parameters that a step is known to have."""
    found = dict.fromkeys(p.name for p in graph.parameters)
    for value in graph.values:
        if value.kind is ValueKind.PARAMETER:
            found.update(dict.fromkeys(_names_of(value)))
    for run in graph.optimizers:
        found.update(dict.fromkeys(p.name for p in run.parameters if p.name))
    return list(found)


def _wanted(graph: Graph) -> list[str]:
    """Return the names of those that require a gradient."""
    frozen = {p.name for p in graph.parameters if not p.requires_grad}
    for value in graph.values:
        if value.kind is ValueKind.PARAMETER and not value.requires_grad:
            frozen.update(_names_of(value))
    for run in graph.optimizers:
        frozen.update(p.name for p in run.parameters if not p.requires_grad)
    return [name for name in parameter_names(graph) if name not in frozen]


def _names_in_events(graph: Graph, kind: EventKind) -> frozenset[str]:
    return frozenset(
        name
        for event in graph.events
        if event.kind is kind
        for value in event.values
        for name in _names_of(graph.values[value])
    )


def _emptied(graph: Graph) -> set[str]:
    """Return what had a gradient that was gone when its optimizer ran.

    Only where nothing was left to it: who empties a part has another part in mind.
    """
    found: set[str] = set()
    for run in graph.optimizers:
        if graph.events[run.event].values:
            continue
        held = {p.value for p in run.parameters if p.value is not None}
        full, emptied = set[int](), set[int]()
        for event in graph.events[: run.event]:
            if event.kind is EventKind.ACCUMULATE:
                full.update(event.values)
                emptied.difference_update(event.values)
            elif event.kind is EventKind.ZERO and event.label == "to None":
                emptied.update(full.intersection(event.values))
        gone = emptied & held
        found.update(n for v in gone for n in _names_of(graph.values[v]))
    return found
