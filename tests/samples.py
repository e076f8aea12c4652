"""Traces written out by hand, so that tests need no torch and no capture."""

from dataclasses import replace

import numpy as np

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
from graphscope.model.site import Frame, Site
from graphscope.model.trace import Trace

FILE = "/home/me/logistic.py"
SOURCE = """\
import torch
import torch.nn.functional as F

x_1 = torch.tensor([3.7])
y = torch.tensor([1.0])
w_1 = torch.tensor([0.5], requires_grad=True)
b = torch.tensor([0.05], requires_grad=True)
optimizer = torch.optim.SGD([w_1, b], lr=0.1)


def train_step():
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)
    optimizer.zero_grad()
    l.backward()
    optimizer.step()


for _ in range(100):
    train_step()
"""


def site(line: int, expression: str) -> Site:
    """Return the site of `expression` in `SOURCE`."""
    column = SOURCE.splitlines()[line - 1].index(expression)
    inside = line >= 11 and line <= 18
    stack = (Frame(FILE, 22, "<module>"),) if inside else ()
    function = "train_step" if inside else "<module>"
    return Site(
        FILE, line, line, column, column + len(expression), function, expression, stack
    )


def _value(value: int, name: str, op: int | None, **fields: object) -> Value:
    kind = ValueKind.RESULT if op is not None else ValueKind.PARAMETER
    base = Value(value, kind, name, op, (1,), "float32")
    return replace(base, **fields)  # type: ignore[arg-type]


def logistic_graph() -> Graph:
    """Return the graph of one training step of the lecture's logistic example."""
    values = (
        _value(
            0, "x_1", None, kind=ValueKind.INPUT, site=site(4, "torch.tensor([3.7])")
        ),
        _value(1, "w_1", None, requires_grad=True, grad_node=4, site=site(12, "w_1")),
        _value(2, "u", 0, requires_grad=True, is_leaf=False, grad_node=0),
        _value(3, "b", None, requires_grad=True, grad_node=5, site=site(13, "b")),
        _value(4, "z", 1, requires_grad=True, is_leaf=False, grad_node=1),
        _value(5, "a", 2, requires_grad=True, is_leaf=False, grad_node=2),
        _value(6, "y", None, kind=ValueKind.INPUT, site=site(5, "torch.tensor([1.0])")),
        _value(7, "l", 3, shape=(), requires_grad=True, is_leaf=False, grad_node=3),
    )
    ops = (
        Op(
            0,
            "mul",
            "torch.Tensor.mul",
            OpKind.COMPUTE,
            (Argument("", 0, "x_1"), Argument("", 1, "w_1")),
            (2,),
            site=site(12, "x_1 * w_1"),
            grad_nodes=(0,),
        ),
        Op(
            1,
            "add",
            "torch.Tensor.add",
            OpKind.COMPUTE,
            (Argument("", 2, "u"), Argument("", 3, "b")),
            (4,),
            site=site(13, "u + b"),
            grad_nodes=(1,),
        ),
        Op(
            2,
            "sigmoid",
            "torch.sigmoid",
            OpKind.COMPUTE,
            (Argument("", 4, "z"),),
            (5,),
            site=site(14, "torch.sigmoid(z)"),
            grad_nodes=(2,),
        ),
        Op(
            3,
            "binary_cross_entropy",
            "torch.nn.functional.binary_cross_entropy",
            OpKind.COMPUTE,
            (Argument("", 5, "a"), Argument("", 6, "y")),
            (7,),
            site=site(15, "F.binary_cross_entropy(a, y)"),
            grad_nodes=(3,),
        ),
    )
    nodes = (
        GradNode(
            0, "MulBackward0", 0, (2,), (GradEdge(None, 0, None), GradEdge(4, 0, 1))
        ),
        GradNode(1, "AddBackward0", 1, (4,), (GradEdge(0, 0, 2), GradEdge(5, 0, 3))),
        GradNode(2, "SigmoidBackward0", 2, (5,), (GradEdge(1, 0, 4),)),
        GradNode(3, "BinaryCrossEntropyBackward0", 3, (7,), (GradEdge(2, 0, 5),)),
        GradNode(4, "AccumulateGrad", None, (1,), (), leaf=1),
        GradNode(5, "AccumulateGrad", None, (3,), (), leaf=3),
    )
    events, slots = _logistic_events(ops)
    return Graph(
        values=values,
        ops=ops,
        grad_nodes=nodes,
        events=events,
        slots=slots,
        scopes=(Scope("", "Net"),),
        roots=(7,),
    )


def _logistic_events(
    ops: tuple[Op, ...],
) -> tuple[tuple[Event, ...], tuple[Slot, ...]]:
    events: list[Event] = []
    slots: list[Slot] = []

    def add(kind: EventKind, phase: Phase, seen: list[Slot], **fields: object) -> None:
        start, index = len(slots), len(events)
        slots.extend(replace(slot, event=index) for slot in seen)
        event = Event(index, kind, phase, 0, slots=(start, len(slots)))
        events.append(replace(event, **fields))  # type: ignore[arg-type]

    def slot(role: Role, value: int | None, **fields: object) -> Slot:
        shape = () if value == 7 else (1,)
        return replace(Slot(0, role, value, shape=shape), **fields)  # type: ignore[arg-type]

    new_values = ((0, 1, 2), (3, 4), (5,), (6, 7))
    for op, seen in zip(ops, new_values, strict=True):
        phase = Phase.LOSS if op.id == 3 else Phase.FORWARD
        values = [slot(Role.VALUE, v) for v in seen]
        add(EventKind.OP, phase, values, op=op.id, values=op.outputs, site=op.site)
    zero = [slot(Role.BEFORE, 1), slot(Role.BEFORE, 3)]
    zero += [slot(Role.AFTER, 1), slot(Role.AFTER, 3)]
    add(
        EventKind.ZERO,
        Phase.ZERO,
        zero,
        values=(1, 3),
        site=site(16, "optimizer.zero_grad()"),
        label="to None",
    )
    backward = site(17, "l.backward()")
    routes: tuple[tuple[int, int, tuple[tuple[int, int], ...]], ...] = (
        (3, 7, ((0, 5),)),
        (2, 5, ((0, 4),)),
        (1, 4, ((0, 2), (1, 3))),
        (0, 2, ((1, 1),)),
    )
    for node, result, edges in routes:
        seen_back = [slot(Role.GRAD_OUTPUT, result, grad_node=node)]
        for position, value in edges:
            square = (1,) if result == 7 else (1, 1)  # of the result, then the input
            seen_back.append(
                slot(Role.LOCAL, value, grad_node=node, position=position, shape=square)
            )
            seen_back.append(slot(Role.EDGE, value, grad_node=node, position=position))
        add(EventKind.GRAD, Phase.BACKWARD, seen_back, grad_node=node, site=backward)
        for leaf, leaf_node in ((3, 5), (1, 4)):
            if leaf in [value for _, value in edges]:
                roles = (Role.ARRIVED, Role.BEFORE, Role.AFTER)
                add(
                    EventKind.ACCUMULATE,
                    Phase.BACKWARD,
                    [slot(role, leaf) for role in roles],
                    grad_node=leaf_node,
                    values=(leaf,),
                    site=backward,
                )
    update = [slot(Role.UPDATED, 1), slot(Role.UPDATED, 3)]
    update.append(slot(Role.HYPER, None, label="lr", shape=(), dtype="float64"))
    add(
        EventKind.UPDATE,
        Phase.UPDATE,
        update,
        values=(1, 3),
        site=site(18, "optimizer.step()"),
        label="SGD",
    )
    return tuple(events), tuple(slots)


def logistic_trace(step: int = 0, w_1: float = 0.5, b: float = 0.05) -> Trace:
    """Return one training step: x_1 = 3.7, y = 1, lr = 0.1."""
    graph = logistic_graph()
    u = 3.7 * w_1
    z = u + b
    a = 1 / (1 + np.exp(-z))
    values = (3.7, w_1, u, b, z, a, 1.0, -np.log(a))
    d_a = -1 / a
    d_z = d_a * a * (1 - a)
    gradients = {7: 1.0, 5: d_a, 4: d_z, 2: d_z, 3: d_z, 1: d_z * 3.7}
    local = {1: 3.7, 2: 1.0, 3: 1.0, 4: a * (1 - a), 5: d_a}
    updated = {1: w_1 - 0.1 * gradients[1], 3: b - 0.1 * gradients[3]}
    seen: list[Observation | None] = []
    for slot in graph.slots:
        number: float | None
        value = slot.value if slot.value is not None else -1
        match slot.role:
            case Role.VALUE:
                number = values[value]
            case Role.LOCAL:
                number = local[value]
            case Role.UPDATED:
                number = updated[value]
            case Role.HYPER:
                number = 0.1
            case Role.BEFORE:
                is_first = step == 0 or graph.events[slot.event].kind != EventKind.ZERO
                number = None if is_first else gradients[value]
            case Role.AFTER if graph.events[slot.event].kind is EventKind.ZERO:
                number = None
            case _:
                number = gradients[value]
        data = None if number is None else np.full(slot.shape, number, slot.dtype)
        seen.append(None if data is None else Observation(data))
    return Trace(graph, step, tuple(seen), sources={FILE: SOURCE})


def logistic_traces(steps: int) -> list[Trace]:
    """Return `steps` steps of training, each from the weights of the one before."""
    traces: list[Trace] = []
    w_1, b = 0.5, 0.05
    for step in range(steps):
        trace = logistic_trace(step, w_1, b)
        traces.append(trace)
        after = [trace.last_seen(v, Role.UPDATED) for v in (1, 3)]
        w_1, b = (float(str(seen.scalar)) for seen in after if seen is not None)
    return traces
