"""Which ops, values and updates of a step are drawn at all."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graphscope.diagram.afterwards import find_afterwards
from graphscope.diagram.labels import exponent_of
from graphscope.errors import StepRangeError
from graphscope.model.graph import Event, EventKind, Op, OpKind, Phase, Role, ValueKind
from graphscope.model.trace import Trace

BACKWARD_KINDS: Final = frozenset(
    {EventKind.GRAD, EventKind.ACCUMULATE, EventKind.CAPTURE}
)


@dataclass(frozen=True)
class Selection:
    """What of a step is drawn.

    Attributes:
        trace: The step.
        pass_index: The only pass that is drawn, None for all.
        ops: The drawn ops (no creations, no harmless readouts), in order of time.
        op_ids: Their ids.
        updates: Events of optimizer updates, in order.
        roots: Values that a backward started from and that a drawn op computed.
        node_slots: (role, grad node, edge position) -> slots, in order of time.
        has_backward: Whether any backward ran in the drawn passes.
    """

    trace: Trace
    pass_index: int | None
    ops: tuple[Op, ...]
    op_ids: frozenset[int]
    updates: tuple[Event, ...]
    roots: frozenset[int]
    node_slots: Mapping[tuple[Role, int, int], tuple[int, ...]]
    has_backward: bool

    def has_event(self, event: int | None) -> bool:
        """Whether an event belongs to the drawn passes; None belongs to all."""
        if event is None or self.pass_index is None:
            return True
        return self.trace.graph.events[event].pass_index == self.pass_index

    def event_of(self, op: Op) -> int | None:
        """Return the event in which the op ran."""
        return self.trace.graph.op_events.get(op.id)

    def inputs_of(self, op: Op) -> Iterator[int]:
        """Yield the drawn inputs of an op, in order, repeated when used twice."""
        hidden = exponent_of(op)
        for argument in op.arguments:
            if argument.value is not None and argument is not hidden:
                yield argument.value

    def is_computed(self, value: int) -> bool:
        """Whether a drawn op computed the value (else it is a leaf of the picture)."""
        return self.trace.graph.values[value].op in self.op_ids


def select(trace: Trace, *, pass_index: int | None = None) -> Selection:
    """Choose what to draw of a step.

    Raises:
        StepRangeError: The step has no such pass.
    """
    graph = trace.graph
    _check_pass(trace, pass_index)
    events = [
        e for e in graph.events if pass_index is None or e.pass_index == pass_index
    ]
    first_backward = _first_backwards(events)
    afterwards = find_afterwards(trace)
    ops = tuple(
        op
        for op in sorted(graph.ops, key=lambda o: (graph.op_events.get(o.id, -1), o.id))
        if _is_drawn(op, trace, pass_index, first_backward, afterwards)
    )
    op_ids = frozenset(op.id for op in ops)
    return Selection(
        trace=trace,
        pass_index=pass_index,
        ops=ops,
        op_ids=op_ids,
        updates=tuple(e for e in events if e.kind is EventKind.UPDATE),
        roots=frozenset(r for r in graph.roots if graph.values[r].op in op_ids),
        node_slots=_index_node_slots(trace),
        has_backward=bool(first_backward),
    )


def _check_pass(trace: Trace, pass_index: int | None) -> None:
    if pass_index is None:
        return
    count = 1 + max((e.pass_index for e in trace.graph.events), default=0)
    if not 0 <= pass_index < count:
        raise StepRangeError(
            f"There is no pass {pass_index} in step {trace.step}, which has {count}. "
            f"Choose one from 0 to {count - 1}."
        )


def _first_backwards(events: list[Event]) -> dict[int, int]:
    found: dict[int, int] = {}
    for event in events:
        if event.kind in BACKWARD_KINDS:
            found.setdefault(event.pass_index, event.index)
    return found


def _is_drawn(
    op: Op,
    trace: Trace,
    pass_index: int | None,
    first_backward: Mapping[int, int],
    afterwards: Collection[int],
) -> bool:
    if op.kind in (OpKind.CREATE, OpKind.RECOMPUTE):
        return False
    index = trace.graph.op_events.get(op.id)
    if index is None:
        return op.kind is not OpKind.READOUT
    event = trace.graph.events[index]
    if pass_index is not None and event.pass_index != pass_index:
        return False
    if event.phase is Phase.BACKWARD and op.kind is not OpKind.UPDATE:
        # Computed by a backward: drawn only where the graph goes on through it.
        is_seen = bool(op.grad_nodes) or op.kind is OpKind.GAP
        return is_seen or op.id in afterwards
    if op.kind is not OpKind.READOUT:
        return True
    return index < first_backward.get(event.pass_index, -1)


def _index_node_slots(trace: Trace) -> dict[tuple[Role, int, int], tuple[int, ...]]:
    found: defaultdict[tuple[Role, int, int], list[int]] = defaultdict(list)
    for index, slot in enumerate(trace.graph.slots):
        if slot.grad_node is not None:
            found[slot.role, slot.grad_node, slot.position].append(index)
    return {key: tuple(slots) for key, slots in found.items()}


def leaf_consumers(selection: Selection) -> dict[int, tuple[Op, int]]:
    """Return each leaf of the picture with its first consumer and argument position.

    A gradient that the user's code read (`w.grad`) brings the leaf that owns it.
    """
    values = selection.trace.graph.values
    found: dict[int, tuple[Op, int]] = {}
    for op in selection.ops:
        for position, value in enumerate(selection.inputs_of(op)):
            if selection.is_computed(value):
                continue
            owner = values[value].owner
            is_read = values[value].kind is ValueKind.GRADIENT
            if is_read and owner is not None and not selection.is_computed(owner):
                found.setdefault(owner, (op, position))
            found.setdefault(value, (op, position))
    return found
