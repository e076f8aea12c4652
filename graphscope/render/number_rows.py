"""The numbers of one step, a row for each named value: what every table shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphscope.diagram.gradients import join_numbers
from graphscope.diagram.labels import expression_of, name_of
from graphscope.model.graph import OpKind, Role, Value, ValueKind
from graphscope.model.numbers import format_observation, format_type
from graphscope.model.site import Site
from graphscope.model.trace import Trace

ABSENT: Final = "–"
"""There was nothing to see; `None` is that torch had no tensor there."""


@dataclass(frozen=True, slots=True)
class NumberRow:
    """What is said of one value; `ABSENT` where there is nothing to say.

    Attributes:
        name: The user's name, with the version after in-place changes.
        pass_number: In a step of several passes the one that it belongs to.
        kind: Parameter, input, result …
        type: dtype and shape.
        formula: The expression that computed it.
        value: Its numbers.
        gradient: What arrived, once for each backward.
        stored: What `.grad` was after each of them.
        updated: What the optimizer, or the user's own code, made of it.
        site: Where it was computed, created or first used.
    """

    name: str
    pass_number: str
    kind: str
    type: str
    formula: str
    value: str
    gradient: str
    stored: str
    updated: str
    site: Site | None


def number_rows(trace: Trace) -> Iterator[NumberRow]:
    """Yield a row for each named value, in the order in which they appeared."""
    for value in trace.graph.values:
        if is_listed(trace, value):
            yield _make_row(trace, value)


def is_listed(trace: Trace, value: Value) -> bool:
    """Whether a value gets a row: it has a name and is not a drawn constant.

    What an update left behind has none: `updated` says it.
    """
    hidden = (ValueKind.CONSTANT, ValueKind.GRADIENT)
    is_visible = value.name is not None and value.kind not in hidden
    return is_visible and not trace.is_updated(value)


def _make_row(trace: Trace, value: Value) -> NumberRow:
    op = None if value.op is None else trace.graph.ops[value.op]
    arrived = [seen for _, seen in trace.arrivals(value.id)]
    updated = trace.updated_to(value.id)
    return NumberRow(
        name=name_of(value),
        pass_number=_pass_of(trace, value),
        kind=value.kind.value,
        type=format_type(value.dtype, value.shape),
        formula=ABSENT if op is None else expression_of(trace, op) or ABSENT,
        value=_last(trace, value.id, Role.VALUE),
        gradient=join_numbers(arrived, ", ") or ABSENT,
        stored=join_numbers(trace.accumulations(value.id, Role.AFTER), " → ") or ABSENT,
        updated=ABSENT if updated is None else format_observation(updated),
        site=value.site if op is None else op.site,
    )


def _pass_of(trace: Trace, value: Value) -> str:
    """Write the pass that computed a value or, of a leaf, was alone to read it."""
    graph = trace.graph
    if not any(event.pass_index for event in graph.events):
        return ABSENT
    readers = graph.consumers.get(value.id, ())
    is_computed = value.op is not None and graph.ops[value.op].kind is not OpKind.CREATE
    ops = (value.op,) if value.op is not None and is_computed else readers
    found = (graph.op_events.get(op) for op in ops)
    passes = {graph.events[event].pass_index for event in found if event is not None}
    return str(passes.pop()) if len(passes) == 1 else ABSENT


def _last(trace: Trace, value: int, role: Role) -> str:
    slots = trace.slots_of(value, role)
    return format_observation(trace.seen(slots[-1])) if slots else ABSENT
