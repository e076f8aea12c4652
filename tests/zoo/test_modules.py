"""Modules that share, nest, recurse and call themselves through side doors."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import graphscope as gs
from graphscope.diagram.build import build_diagram
from graphscope.diagram.options import DiagramOptions
from tests.zoo.asking import (
    boxes,
    edges_into,
    gaps,
    op_named,
    op_names,
    ops_named,
    ops_of_scope,
    picture,
    seen_as,
)
from tests.zoo.watching import Look, Program, three_parts, watch


def used_twice(look: Look) -> Any:
    x = torch.tensor(2.0, requires_grad=True)
    a = x * 3
    b = x * x
    loss = a * b
    look(loss, x=x, a=a, b=b)
    loss.backward()
    return x.grad


def called_twice(look: Look) -> Any:
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    shared = model[0]
    x = torch.ones(1, 2)
    h = model(x)
    out = shared(h)
    loss = out.sum()
    look(loss, h=h, out=out)
    loss.backward()
    return [p.grad for p in model.parameters()]


class _Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> Any:
        """Run the block on its own result."""
        h = self.block(x)
        return self.block(torch.tanh(h))


def shared_inside(look: Look) -> Any:
    model = _Twice()
    out = model(torch.ones(1, 2))
    loss = out.sum()
    look(loss, out=out, **dict(model.named_parameters()))
    loss.backward()
    return [p.grad for p in model.parameters()]


class _Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(4, 2)
        self.head = nn.Linear(2, 4, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, token: torch.Tensor) -> Any:
        """Return logits."""
        return self.head(self.embed(token))


def tied(look: Look) -> Any:
    model = _Tied()
    logits = model(torch.tensor([1]))
    loss = logits.sum()
    look(loss, logits=logits, **{"embed.weight": model.embed.weight})
    loss.backward()
    return model.embed.weight.grad


class _Tree(nn.Module):
    """Calls itself: a recursive network."""

    def __init__(self) -> None:
        super().__init__()
        self.join = nn.Linear(4, 2)

    def forward(self, leaves: torch.Tensor) -> Any:
        """Join the halves, down to single leaves."""
        if len(leaves) == 1:
            return leaves[0]
        half = len(leaves) // 2
        pair = torch.cat([self(leaves[:half]), self(leaves[half:])])
        return self.join(pair)


def recursive(look: Look) -> Any:
    model = _Tree()
    out = model(torch.arange(8.0).view(4, 2))
    loss = out.sum()
    look(loss, out=out, **dict(model.named_parameters()))
    loss.backward()
    return [p.grad for p in model.parameters()]


def nested(look: Look) -> Any:
    inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model = nn.Sequential(nn.Sequential(inner, nn.Linear(2, 1)), nn.Sigmoid())
    out = model(torch.ones(1, 2))
    loss = out.sum()
    look(loss, out=out, **dict(model.named_parameters()))
    loss.backward()
    return [p.grad for p in model.parameters()]


class _SideDoor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Bypass torch's own call, and with it every hook."""
        return self.inner.forward(x) * 2


def through_side_doors(look: Look) -> Any:
    model = _SideDoor()
    y = model(torch.ones(1, 2))
    loss = y.sum()
    look(loss, y=y)
    loss.backward()
    return [p.grad for p in model.parameters()]


def attention(look: Look) -> Any:
    model = nn.MultiheadAttention(4, 2)
    x = torch.randn(3, 1, 4, requires_grad=True)
    out, weights = model(x, x, x)
    loss = out.sum() + weights.sum()
    look(loss, x=x, out=out)
    loss.backward()
    return [x.grad, out, weights, [p.grad for p in model.parameters()]]


def encoder_layer(look: Look) -> Any:
    model = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    x = torch.randn(1, 3, 4, requires_grad=True)
    out = model(x)
    loss = out.pow(2).sum()
    look(loss, x=x, out=out)
    loss.backward()
    return [x.grad, [p.grad for p in model.parameters()]]


def _recurrent(make: Callable[[], nn.Module]) -> Program:
    def program(look: Look) -> Any:
        model = make()
        x = torch.randn(3, 1, 2, requires_grad=True)
        out, _ = model(x)
        loss = out.sum()
        look(loss, x=x, out=out)
        loss.backward()
        return [x.grad, [p.grad for p in model.parameters()]]

    return program


lstm = _recurrent(lambda: nn.LSTM(2, 3, num_layers=2, bidirectional=True))
gru = _recurrent(lambda: nn.GRU(2, 3))
lstm.__name__, gru.__name__ = "lstm", "gru"


def lazy(look: Look) -> Any:
    model = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 1))
    out = model(torch.ones(2, 4))
    loss = out.sum()
    look(loss, out=out)
    loss.backward()
    return [p.grad for p in model.parameters()]


def parametrized(look: Look) -> Any:
    model = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    out = model(torch.ones(1, 2))
    loss = out.sum()
    look(loss, out=out)
    loss.backward()
    return [p.grad for p in model.parameters()]


def with_running_statistics(look: Look) -> Any:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    for _ in range(2):
        out = model(torch.randn(4, 2))
        loss = out.pow(2).sum()
        look(loss, out=out)
        loss.backward()
    return [p.grad for p in model.parameters()], dict(model.named_buffers())


PROGRAMS: list[Program] = [
    used_twice,
    called_twice,
    shared_inside,
    tied,
    recursive,
    nested,
    through_side_doors,
    attention,
    encoder_layer,
    lstm,
    gru,
    lazy,
    parametrized,
    with_running_statistics,
]
(
    test_it_is_harmless,
    test_it_is_complete,
    test_it_is_true,
    test_it_can_be_drawn,
) = three_parts(PROGRAMS)


def test_a_tensor_used_twice_gets_a_contribution_along_every_edge() -> None:
    trace = watch(used_twice).last
    # loss = 3x * x * x = 3x^3 at x = 2; along a: 3 * b = 12; along each factor of
    # b = x * x: a * x = 12; together 9x^2 = 36
    assert sorted(edges_into(trace, "x")) == [12, 12, 12]
    assert seen_as(trace, "arrived", "x") == [36]
    assert "∂ 36" in picture(trace)
    assert picture(trace).count("∂ 12") >= 3


def test_a_module_called_twice_is_one_scope_with_one_set_of_parameters() -> None:
    trace = watch(called_twice).last
    weights = [v for v in trace.graph.values if v.name == "0.weight"]
    assert len(weights) == 1
    assert [op.scope for op in ops_named(trace, "linear")] == ["0", "0"]
    first, second = (op.inputs[1] for op in ops_named(trace, "linear"))
    assert first == second == weights[0].id


def test_the_two_calls_of_a_module_are_two_boxes_when_collapsed() -> None:
    trace = watch(shared_inside).last
    assert [op.scope for op in ops_named(trace, "linear")] == ["block", "block"]
    diagram = build_diagram(trace, DiagramOptions(depth=1))
    titles = [box.title for box in diagram.boxes]
    assert titles.count("block (Linear)") == 2


def test_tied_weights_are_one_value_under_both_names() -> None:
    trace = watch(tied).last
    shape = [
        v for v in trace.graph.values if v.shape == (4, 2) and v.kind == "parameter"
    ]
    assert [v.name for v in shape] == ["embed.weight"]
    (weight,) = shape
    embed, head = op_named(trace, "embedding"), op_named(trace, "linear")
    assert weight.id in embed.inputs
    assert weight.id in head.inputs
    contributions = seen_as(trace, "edge", "embed.weight")
    assert len(contributions) == 2
    total = torch.tensor(contributions).sum(0)
    arrived = torch.tensor(seen_as(trace, "arrived", "embed.weight")[0])
    assert torch.allclose(total, arrived, atol=1e-3)


def test_tied_weights_are_found_under_the_second_name_too() -> None:
    trace = watch(tied).last
    assert trace.resolve("head.weight") is trace.resolve("embed.weight")
    assert "also head.weight" in picture(trace)


def test_a_recursive_module_is_one_set_of_parameters_called_three_times() -> None:
    trace = watch(recursive).last
    left, right, both = ops_named(trace, "linear")
    assert {op.scope for op in (left, right, both)} == {"join"}
    assert len({op.inputs[1] for op in (left, right, both)}) == 1
    assert len(edges_into(trace, "join.bias")) == 3
    cat = ops_named(trace, "cat")[-1]
    assert cat.inputs == (left.outputs[0], right.outputs[0])
    assert both.inputs[0] == cat.outputs[0]


def test_nested_modules_have_dotted_scopes() -> None:
    trace = watch(nested).last
    assert [(o.name, o.scope) for o in trace.graph.ops[1:5]] == [
        ("linear", "0.0.0"),
        ("relu", "0.0.1"),
        ("linear", "0.1"),
        ("sigmoid", "1"),
    ]
    paths = {scope.path: scope.class_name for scope in trace.graph.scopes}
    assert paths["0.0"] == "Sequential"


def test_a_module_without_hooks_still_shows_its_ops() -> None:
    trace = watch(through_side_doors).last
    assert op_names(trace) == ["linear", "mul", "sum"]


def test_attention_is_opened_to_its_inner_ops() -> None:
    trace = watch(attention).last
    inner = [op.name for op in trace.graph.ops if "attention" in op.scope]
    # the projections, the two products, the softmax between them, and the way out
    assert inner.count("linear") >= 2
    assert inner.count("bmm") + inner.count("baddbmm") == 2
    assert inner.count("softmax") == 1
    assert len(inner) >= 20
    made = [n for op in trace.graph.ops for n in op.grad_nodes]
    assert len(made) == len(set(made))
    softmax = next(op for op in trace.graph.ops if op.name == "softmax")
    nodes = [trace.graph.grad_nodes[n].name for n in softmax.grad_nodes]
    assert nodes == ["SoftmaxBackward0"]


def test_attention_can_be_collapsed_to_one_box() -> None:
    trace = watch(attention).last
    shown = build_diagram(trace, DiagramOptions(depth=0))
    inside = [o.id for o in trace.graph.ops if "attention" in o.scope]
    assert len(inside) > 20
    assert len([box for box in shown.boxes if set(box.ops) & set(inside)]) == 1


def test_the_encoder_layer_shows_the_ops_of_its_attention() -> None:
    trace = watch(encoder_layer).last
    inner = ops_of_scope(trace, "self_attn")
    assert "linear" in inner
    assert "scaled_dot_product_attention" in inner


def test_an_lstm_is_one_op_with_all_of_its_nodes() -> None:
    trace = watch(lstm).last
    op = op_named(trace, "lstm")
    names = [trace.graph.values[v].name for v in op.inputs]
    assert "weight_ih_l0" in names
    assert "weight_hh_l1_reverse" in names
    assert any("Rnn" in trace.graph.grad_nodes[n].name for n in op.grad_nodes)
    assert any("lstm" in line for line in boxes(trace))
    assert gaps(trace) == []


def test_running_statistics_get_new_versions() -> None:
    traces = watch(with_running_statistics).traces
    buffers = [v for t in traces for v in t.graph.values if v.name == "1.running_mean"]
    assert [v.version for v in buffers] == [0, 1, 2]
    assert all(v.kind == "buffer" for v in buffers)


def test_a_module_that_takes_the_id_of_a_dead_one_does_not_take_its_name() -> None:
    layer = torch.nn.Linear(1, 1)
    with gs.trace() as t:
        for _ in range(40):  # each loss may lie where an earlier module did
            torch.nn.MSELoss()(layer(torch.ones(1, 1)), torch.ones(1, 1)).backward()
            fresh = torch.nn.Linear(1, 1)
            fresh(torch.ones(1, 1))
            del fresh
    scopes = {scope.path: scope.class_name for scope in t.last.trace.graph.scopes}
    losses = [path for path, name in scopes.items() if name == "MSELoss"]
    linear = [op.scope for op in t.last.trace.graph.ops if op.name == "linear"]
    assert losses
    assert not set(linear) & set(losses)
