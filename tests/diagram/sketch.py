"""A small language for hand-made traces of scalars, with the chain rule built in.

Each op is given its result and its local derivatives; `backward` multiplies and adds
them as autograd would. The numbers that tests expect stand in the tests.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphscope.model.check import check_graph
from graphscope.model.graph import (
    Argument,
    Event,
    EventKind,
    GradEdge,
    GradNode,
    Graph,
    Op,
    OpKind,
    Phase,
    Role,
    Scope,
    Slot,
    Value,
    ValueKind,
)
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.model.trace import Trace

FILE = "/home/me/train.py"


class Sketch:
    """A trace under construction; `trace` finishes it."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.ops: list[Op] = []
        self.nodes: list[GradNode] = []
        self.events: list[Event] = []
        self.slots: list[Slot] = []
        self.seen: list[Observation | None] = []
        self.numbers: dict[int, float] = {}
        self.locals: dict[int, Sequence[float]] = {}
        self.stored: dict[int, float | None] = {}
        self.roots: list[int] = []
        self.pass_index = 0
        self.fresh: list[int] = []

    def parameter(self, name: str, number: float, **fields: Any) -> int:
        """Add a leaf that requires a gradient."""
        value = self._value(
            name, number, kind=ValueKind.PARAMETER, requires_grad=True, **fields
        )
        node = GradNode(len(self.nodes), "AccumulateGrad", None, (value,), (), value)
        self.nodes.append(node)
        self.values[value] = replace(self.values[value], grad_node=node.id)
        self.stored[value] = None
        return value

    def input(self, name: str, number: float, **fields: Any) -> int:
        """Add a leaf without gradient."""
        return self._value(name, number, kind=ValueKind.INPUT, **fields)

    def constant(self, text: str) -> int:
        """Add a number of the user's expression."""
        return self._value(text, float(text), kind=ValueKind.CONSTANT)

    def gradient(self, owner: int) -> int:
        """Add the `.grad` of a leaf, read by the user's code."""
        name = f"{self.values[owner].name}.grad"
        number = self.stored[owner] or 0.0
        return self._value(name, number, kind=ValueKind.GRADIENT, owner=owner)

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        number: float,
        local: Sequence[float] = (),
        **fields: Any,
    ) -> int:
        """Add an op with one result; `local` are its derivatives by its inputs."""
        named = fields.pop("named", None)
        expression = fields.pop("expression", "")
        previous = fields.pop("previous", None)
        op_id = len(self.ops)
        takes_part = [bool(local) and self.values[v].requires_grad for v in inputs]
        result = self._value(
            named, number, kind=ValueKind.RESULT, op=op_id, previous=previous
        )
        grad_nodes: tuple[int, ...] = ()
        if any(takes_part):
            grad_nodes = (self._grad_node(name, op_id, result, inputs),)
            self.values[result] = replace(
                self.values[result],
                requires_grad=True,
                is_leaf=False,
                grad_node=grad_nodes[0],
            )
            self.locals[grad_nodes[0]] = local
        if previous is not None:
            version = self.values[previous].version + 1
            self.values[result] = replace(self.values[result], version=version)
        texts = [self.values[v].name or "" for v in inputs]
        op = Op(
            op_id,
            name,
            f"torch.Tensor.{name}",
            OpKind.COMPUTE,
            tuple(Argument("", v, t) for v, t in zip(inputs, texts, strict=True)),
            (result,),
            site=fields.pop("site", self.site(expression) if expression else None),
            grad_nodes=grad_nodes,
        )
        self.ops.append(replace(op, **fields))
        self._event(EventKind.OP, Phase.FORWARD, op=op_id, values=(result,))
        return result

    def readout(self, value: int) -> None:
        """Add a call of `.item()`."""
        op_id = len(self.ops)
        arguments = (Argument("", value, ""),)
        target = "torch.Tensor.item"
        self.ops.append(Op(op_id, "item", target, OpKind.READOUT, arguments, ()))
        self._event(EventKind.OP, Phase.FORWARD, op=op_id)

    def backward(self, root: int, *, captures: Sequence[int] = ()) -> None:
        """Run a backward; with `captures` it is `autograd.grad` of those leaves."""
        self.roots.append(root)
        arrived: defaultdict[int, float] = defaultdict(float, {root: 1.0})
        site = self.site("backward()")
        first = self.values[root].grad_node
        for node in reversed(self.nodes[: (first or 0) + 1]):
            if node.leaf is None and node.outputs[0] in arrived:
                self._run(node, arrived, site)
        for value in sorted(arrived):
            if self.values[value].kind is ValueKind.PARAMETER:
                kind = EventKind.ACCUMULATE
                if value in captures:
                    kind = EventKind.CAPTURE
                self._accumulate(value, arrived[value], kind)

    def next_pass(self) -> None:
        """Begin the next forward of the same step."""
        self.pass_index += 1

    def update(self, label: str, after: dict[int, float], **hypers: float) -> None:
        """Let an optimizer change parameters."""
        slots = [(Role.UPDATED, v, number, "") for v, number in after.items()]
        slots += [(Role.HYPER, None, n, label) for label, n in hypers.items()]  # type: ignore[misc]
        self._slots(slots)
        self._event(EventKind.UPDATE, Phase.UPDATE, values=tuple(after), label=label)

    def trace(self, scopes: Sequence[Scope] = ()) -> Trace:
        """Finish."""
        graph = Graph(
            tuple(self.values),
            tuple(self.ops),
            tuple(self.nodes),
            tuple(self.events),
            tuple(self.slots),
            tuple(scopes),
            tuple(dict.fromkeys(self.roots)),
        )
        check_graph(graph)
        return Trace(graph, 0, tuple(self.seen))

    def site(self, expression: str) -> Site:
        """Return a place in the user's file."""
        line = len(self.ops) + 1
        return Site(FILE, line, line, 4, 4 + len(expression), "<module>", expression)

    def _value(self, name: str | None, number: float, **fields: Any) -> int:
        value = Value(len(self.values), name=name, **self._fields(fields))
        self.values.append(value)
        self.numbers[value.id] = number
        self.fresh.append(value.id)
        return value.id

    @staticmethod
    def _fields(fields: dict[str, Any]) -> dict[str, Any]:
        return {"op": None, "shape": (), "dtype": "float32", **fields}

    def _grad_node(self, name: str, op: int, result: int, inputs: Sequence[int]) -> int:
        edges = tuple(
            GradEdge(self.values[v].grad_node, 0, v)
            if self.values[v].requires_grad
            else GradEdge(None, 0, None)
            for v in inputs
        )
        title = f"{name.title()}Backward0"
        self.nodes.append(GradNode(len(self.nodes), title, op, (result,), edges))
        return len(self.nodes) - 1

    def _run(
        self, node: GradNode, arrived: defaultdict[int, float], site: Site
    ) -> None:
        result = node.outputs[0]
        assert result is not None
        self._slot(Role.GRAD_OUTPUT, result, arrived[result], grad_node=node.id)
        for position, edge in enumerate(node.edges):
            if edge.value is None:
                continue
            local = self.locals[node.id][position]
            sent = arrived[result] * local
            where = {"grad_node": node.id, "position": position}
            self._slot(Role.LOCAL, edge.value, local, **where)
            self._slot(Role.EDGE, edge.value, sent, **where)
            arrived[edge.value] += sent
        self._event(EventKind.GRAD, Phase.BACKWARD, grad_node=node.id, site=site)

    def _accumulate(self, value: int, gradient: float, kind: EventKind) -> None:
        self._slot(Role.ARRIVED, value, gradient)
        if kind is EventKind.ACCUMULATE:
            before = self.stored[value]
            self.stored[value] = (before or 0.0) + gradient
            self._slot(Role.BEFORE, value, before)
            self._slot(Role.AFTER, value, self.stored[value])
        node = self.values[value].grad_node
        self._event(kind, Phase.BACKWARD, grad_node=node, values=(value,))

    def _slots(self, entries: Sequence[tuple[Role, int | None, float, str]]) -> None:
        for role, value, number, label in entries:
            self._slot(role, value, number, label=label)

    def _slot(
        self, role: Role, value: int | None, number: float | None, **fields: Any
    ) -> None:
        shape = () if value is None else self.values[value].shape
        self.slots.append(Slot(len(self.events), role, value, shape=shape, **fields))
        data = None if number is None else np.full(shape, number, np.float64)
        self.seen.append(None if data is None else Observation(data))

    def _event(self, kind: EventKind, phase: Phase, **fields: Any) -> None:
        if kind is EventKind.OP:
            for value in self.fresh:
                self._slot(Role.VALUE, value, self.numbers[value])
            self.fresh.clear()
        start = self.events[-1].slots[1] if self.events else 0
        index, slots = len(self.events), (start, len(self.slots))
        event = Event(index, kind, phase, self.pass_index, slots=slots, **fields)
        self.events.append(event)


def texts_of(diagram: Any) -> list[str]:
    """Return one text for each box: kind, title and lines."""
    return [
        " | ".join([f"{b.kind.value} {b.title}", *(line.text for line in b.lines)])
        for b in diagram.boxes
    ]


def arrows_of(diagram: Any) -> list[str]:
    """Return one text for each arrow, with the titles of its boxes."""
    titles = {box.id: box.title for box in diagram.boxes}
    return [
        " ".join(
            part
            for part in (
                f"{titles[a.source]} -> {titles[a.target]} {a.kind.value}",
                a.reason and f"({a.reason})",
                a.label.text if a.label else "",
            )
            if part
        )
        for a in diagram.arrows
    ]
