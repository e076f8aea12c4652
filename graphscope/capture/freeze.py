"""From a finished step's raw records to an immutable graph and its observations.

Only here do things get numbers, in the order of their first appearance, so that two
steps that ran the same code have equal graphs.
"""

from collections.abc import Sequence

from graphscope.capture.phases import assign_phases
from graphscope.capture.records import (
    RawEvent,
    RawHeld,
    RawNode,
    RawOp,
    RawSlot,
    RawValue,
    calls_of,
)
from graphscope.model.calls import ModuleCall, ModuleParameter
from graphscope.model.graph import (
    Argument,
    Event,
    Gap,
    GradEdge,
    GradNode,
    Graph,
    Op,
    Phase,
    Role,
    Scope,
    Slot,
    Value,
    ValueKind,
)
from graphscope.model.optimizers import HeldParameter, OptimizerRun


class _Numbering:
    """Ids of everything that the events of one step refer to."""

    def __init__(self, events: Sequence[RawEvent]) -> None:
        self.values: dict[RawValue, int] = {}
        self.nodes: dict[RawNode, int] = {}
        self.first_event: dict[RawValue, int] = {}
        self._leaves: dict[RawNode, RawValue] = {}
        ran = [event.op for event in events if event.op is not None]
        self.ops = {op: number for number, op in enumerate(ran)}
        for index, event in enumerate(events):
            if event.op is not None:
                self._visit_op(event.op, index)
            if event.node is not None:
                self.node(event.node, index)
            for value in event.values:
                self.value(value, index)
            for slot in event.slots:
                if slot.value is not None:
                    self.value(slot.value, index)
                if slot.node is not None:
                    self.node(slot.node, index)
        self._close()

    def _visit_op(self, op: RawOp, event: int) -> None:
        for _, value, _ in op.arguments:
            if value is not None:
                self.value(value, event)
        for value in op.outputs:
            self.value(value, event)
        for node in op.nodes:
            self.node(node, event)

    def value(self, value: RawValue, event: int) -> None:
        if value not in self.values:
            if value.owner is not None:
                self.value(value.owner, event)
            self.values[value] = len(self.values)
            self.first_event[value] = event
            if value.node is not None and self._is_first(value):
                self._leaves.setdefault(value.node, value)

    def _is_first(self, value: RawValue) -> bool:
        """Whether a leaf is in this step what an op of an older one has made of it."""
        if value.op is None:
            return value.is_leaf and value.previous is None
        return value.is_leaf and value.op not in self.ops

    def leaf_of(self, node: RawNode) -> RawValue | None:
        """Return the first version in this step of the leaf that a node adds to.

        Versions share the node. The one that it was made for may lie in an older step,
        and what was read of it then is gone.
        """
        return self._leaves.get(node, node.leaf)

    def node(self, node: RawNode, event: int) -> None:
        if node not in self.nodes:
            self.nodes[node] = len(self.nodes)
            leaf = self.leaf_of(node)
            if leaf is not None:
                self.value(leaf, event)

    def edges(self, node: RawNode) -> list[tuple[RawNode | None, int, RawValue | None]]:
        """Return the edges of a node of this step; an older one's are not its story."""
        return node.edges if node.op is None or node.op in self.ops else []

    def _close(self) -> None:
        """Number what is only reached through nodes: leaves, edge targets, results."""
        pending = list(self.nodes)
        for value in list(self.values):
            if value.node is not None and value.node not in self.nodes:
                self.node(value.node, self.first_event[value])
                pending.append(value.node)
        while pending:
            node = pending.pop()
            for target, _, _ in self.edges(node):
                if target is not None and target not in self.nodes:
                    self.node(target, 0)
                    pending.append(target)


def freeze_step(
    events: Sequence[RawEvent],
    *,
    roots: Sequence[RawValue],
    scopes: tuple[Scope, ...],
    gaps: tuple[Gap, ...],
    phases: Sequence[Phase] | None = None,
) -> tuple[Graph, tuple[RawValue | RawSlot, ...]]:
    """Build the graph of `events`, and say what holds the reading of each slot.

    Their `phases` follow from the events, unless they are known better.
    """
    ids = _Numbering(events)
    phases = assign_phases(events, roots) if phases is None else phases
    leaves = _leaves_by_event(ids)
    slots: list[Slot] = []
    holders: list[RawValue | RawSlot] = []
    frozen: list[Event] = []
    for index, event in enumerate(events):
        start = len(slots)
        values = [*leaves.get(index, []), *(event.op.outputs if event.op else [])]
        slots += [_freeze_value_slot(value, index, ids) for value in values]
        slots += [_freeze_slot(raw, index, ids) for raw in event.slots]
        holders += [*values, *event.slots]
        frozen.append(
            Event(
                index=index,
                kind=event.kind,
                phase=phases[index],
                pass_index=event.pass_index,
                op=ids.ops[event.op] if event.op else None,
                grad_node=ids.nodes[event.node] if event.node else None,
                values=tuple(ids.values[v] for v in event.values),
                slots=(start, len(slots)),
                site=event.site,
                label=event.label,
            )
        )
    calls, parameters = _freeze_calls(events)
    graph = Graph(
        values=tuple(_freeze_value(v, i, ids) for v, i in ids.values.items()),
        ops=tuple(_freeze_op(op, i, ids) for op, i in ids.ops.items()),
        grad_nodes=tuple(_freeze_node(n, i, ids) for n, i in ids.nodes.items()),
        events=tuple(frozen),
        slots=tuple(slots),
        scopes=scopes,
        roots=tuple(ids.values[r] for r in roots if r in ids.values),
        gaps=gaps,
        calls=calls,
        parameters=parameters,
        optimizers=tuple(
            OptimizerRun(
                event=index,
                class_name=event.label,
                parameters=tuple(_freeze_held(held, ids) for held in event.held),
                made_by=event.made_by,
            )
            for index, event in enumerate(events)
            if event.held
        ),
    )
    return graph, tuple(holders)


def _leaves_by_event(ids: _Numbering) -> dict[int, list[RawValue]]:
    """Event index -> values that no op of this step made, first used there."""
    found: dict[int, list[RawValue]] = {}
    for value, event in ids.first_event.items():
        if (value.op is None or value.op not in ids.ops) and value.seen is not None:
            found.setdefault(event, []).append(value)
    return found


def _freeze_calls(
    events: Sequence[RawEvent],
) -> tuple[tuple[ModuleCall, ...], tuple[ModuleParameter, ...]]:
    """Number the calls that the ops ran in, and the parameters by what they are.

    Two modules may own equal parameters: records are told apart by identity.
    """
    found = {c for call in calls_of(events) for c in call.lineage()}
    ordered = sorted(found, key=lambda call: call.number)
    numbers = {call: number for number, call in enumerate(ordered)}
    owned = {id(p): p for call in ordered for p in call.parameters}
    places = {key: place for place, key in enumerate(owned)}
    calls = tuple(
        ModuleCall(
            path=call.path,
            class_name=call.class_name,
            parent=None if call.parent is None else numbers[call.parent],
            inputs=call.inputs,
            outputs=call.outputs,
            parameters=tuple(places[id(p)] for p in call.parameters),
            training=call.training,
        )
        for call in ordered
    )
    return calls, tuple(owned.values())


def _freeze_held(held: RawHeld, ids: _Numbering) -> HeldParameter:
    """Number a held parameter; its value may have got a name after the update."""
    value = held.value
    while value is not None and value not in ids.values:
        value = value.previous
    name = "" if value is None else value.name
    return HeldParameter(
        name=name or held.name,
        value=None if value is None else ids.values[value],
        shape=held.shape,
        dtype=held.dtype,
        requires_grad=held.requires_grad,
        times=held.times,
    )


def _freeze_value_slot(value: RawValue, event: int, ids: _Numbering) -> Slot:
    return Slot(
        event=event,
        role=Role.VALUE,
        value=ids.values[value],
        shape=value.shape,
        dtype=value.dtype,
    )


def _freeze_slot(raw: RawSlot, event: int, ids: _Numbering) -> Slot:
    return Slot(
        event=event,
        role=raw.role,
        value=ids.values[raw.value] if raw.value is not None else None,
        grad_node=ids.nodes[raw.node] if raw.node is not None else None,
        position=raw.position,
        shape=raw.shape,
        dtype=raw.dtype,
        label=raw.label,
    )


def _freeze_value(value: RawValue, number: int, ids: _Numbering) -> Value:
    op = ids.ops.get(value.op) if value.op is not None else None
    kind = value.kind
    if op is None and kind is ValueKind.RESULT:
        kind = ValueKind.CARRIED if value.requires_grad else ValueKind.INPUT
    is_carried = kind is ValueKind.CARRIED
    previous = value.previous
    version = 0
    while previous is not None and previous in ids.values:
        version += 1
        previous = previous.previous
    before = ids.values.get(value.previous) if value.previous is not None else None
    node = value.node if value.node in ids.nodes else None
    return Value(
        id=number,
        kind=kind,
        name=value.name,
        op=op,
        shape=value.shape,
        dtype=value.dtype,
        device=value.device,
        requires_grad=value.requires_grad,
        is_leaf=value.is_leaf,
        version=version,
        previous=before,
        owner=ids.values[value.owner] if value.owner is not None else None,
        grad_node=ids.nodes[node] if node is not None else None,
        grad_output=value.output,
        site=value.site,
        note="computed in an earlier step" if is_carried else "",
        also=value.also,
        class_name=value.class_name,
        set_by=value.set_by,
    )


def _freeze_op(op: RawOp, number: int, ids: _Numbering) -> Op:
    return Op(
        id=number,
        name=op.name,
        target=op.target,
        kind=op.kind,
        arguments=tuple(
            Argument(name, ids.values[v] if v is not None else None, text)
            for name, v, text in op.arguments
        ),
        outputs=tuple(ids.values[v] for v in op.outputs),
        scope=op.scope,
        site=op.site,
        cut=op.cut,
        grad_nodes=tuple(ids.nodes[n] for n in op.nodes),
        note=op.note,
    )


def _freeze_node(node: RawNode, number: int, ids: _Numbering) -> GradNode:
    width = max(node.outputs, default=-1) + 1
    outputs = [node.outputs.get(position) for position in range(width)]
    return GradNode(
        id=number,
        name=node.name.rpartition("::")[2],
        op=ids.ops.get(node.op) if node.op is not None else None,
        outputs=tuple(ids.values.get(v) if v is not None else None for v in outputs),
        edges=tuple(
            GradEdge(
                ids.nodes[target] if target is not None else None,
                position,
                ids.values.get(value) if value is not None else None,
            )
            for target, position, value in ids.edges(node)
        ),
        leaf=None if (leaf := ids.leaf_of(node)) is None else ids.values[leaf],
    )
