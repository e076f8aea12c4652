"""Gradients of gradients, gradients on request, backward more than once."""

from typing import Any

import torch
from torch import nn

from tests.zoo.asking import (
    edges_into,
    events,
    gaps,
    names_of,
    op_named,
    ops_named,
    picture,
    seen_as,
)
from tests.zoo.watching import Look, Program, three_parts, watch


def double_backward(look: Look) -> Any:
    x = torch.tensor(2.0, requires_grad=True)
    y = x * x * x
    look(y, x=x)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    loss = g * g
    look(loss, x=x, g=g)
    loss.backward()
    return [g.detach(), x.grad]


def gradient_penalty(look: Look) -> Any:
    critic = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = torch.randn(4, 2, requires_grad=True)
    score = critic(x).sum()
    look(score)
    (slope,) = torch.autograd.grad(score, x, create_graph=True)
    penalty = (slope.norm(dim=1) - 1).pow(2).mean()
    look(penalty, slope=slope)
    penalty.backward()
    return [p.grad for p in critic.parameters()]


def gradient_on_request(look: Look) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    unused = torch.tensor([1.0], requires_grad=True)
    h = x * 3
    y = (h * h).sum()
    look(y)
    found = torch.autograd.grad(y, [x, h, unused], allow_unused=True)
    return [found[0], found[1], found[2] is None, x.grad is None]


def kept_graph(look: Look) -> Any:
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    look(y)
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def backward_after_it_was_freed(look: Look) -> Any:
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    look(y, x=x)
    y.backward()
    try:
        y.backward()
    except RuntimeError as error:
        return [str(error), x.grad]
    return None


def several_roots(look: Look) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    a = x * 2
    b = x * 3
    look(a)
    look(b)
    torch.autograd.backward([a, b], [torch.ones(2), torch.tensor([10.0, 20.0])])
    return x.grad


def backward_of_chosen_inputs(look: Look) -> Any:
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    y = x * w
    look(y)
    y.backward(inputs=[w])
    return [x.grad is None, w.grad]


def retained_gradient(look: Look) -> Any:
    x = torch.tensor(2.0, requires_grad=True)
    y = x * 3
    y.retain_grad()
    loss = y * y
    look(loss, x=x, y=y)
    loss.backward()
    return [x.grad, y.grad]


def accumulated(look: Look) -> Any:
    w = torch.tensor(1.0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for scale in (1.0, 2.0, 3.0):
        loss = w * scale
        look(loss)
        loss.backward()
    optimizer.step()
    return [w.detach().clone(), w.grad]


def hessian_by_functional(look: Look) -> Any:
    del look
    x = torch.tensor([1.0, 2.0])
    return torch.autograd.functional.hessian(lambda v: (v**3).sum(), x)


PROGRAMS: list[Program] = [
    double_backward,
    gradient_penalty,
    gradient_on_request,
    kept_graph,
    backward_after_it_was_freed,
    several_roots,
    backward_of_chosen_inputs,
    retained_gradient,
    accumulated,
    hessian_by_functional,
]
(
    test_it_is_harmless,
    test_it_is_complete,
    test_it_is_true,
    test_it_can_be_drawn,
) = three_parts([p for p in PROGRAMS if p is not hessian_by_functional])


def test_the_gradient_that_a_second_backward_runs_through_is_a_value_with_a_node() -> (
    None
):
    trace = watch(double_backward).last
    g = trace.resolve("g")
    # g = 3x^2 = 12; loss = g^2, d loss / d g = 24, d g / d x = 6x = 12: 288
    assert seen_as(trace, "value", "g") == [12]
    assert seen_as(trace, "grad_output", "g")[-1] == 24
    assert seen_as(trace, "arrived", "x")[-1] == 288
    assert g.grad_node is not None
    assert g.op is not None
    assert trace.graph.ops[g.op].name == "grad"
    assert names_of(trace.graph, trace.graph.ops[g.op].inputs) == ["y", "x"]
    assert gaps(trace) == []


def test_the_nodes_that_a_backward_makes_belong_to_the_call_that_asked_for_them() -> (
    None
):
    trace = watch(gradient_penalty).last
    asked = op_named(trace, "grad")
    assert len(asked.grad_nodes) > 3
    homeless = [n for n in trace.graph.grad_nodes if n.op is None]
    assert {n.name for n in homeless} == {"AccumulateGrad"}
    assert asked.site is not None
    assert asked.site.expression.startswith("torch.autograd.grad(score, x")
    # the picture of so many ops is a list, which has room for the result's name
    assert "slope     torch.autog" in picture(trace)


def test_a_gradient_on_request_is_captured_and_not_accumulated() -> None:
    trace = watch(gradient_on_request).last
    assert "capture" in events(trace)
    assert "accumulate" not in events(trace)
    # y = sum (3x)^2: by h 2h = 6x, by x 18x
    assert seen_as(trace, "arrived", "x") == [[18, 36]]
    assert "(autograd.grad)" in picture(trace)


def test_a_gradient_on_request_of_an_intermediate_is_shown_too() -> None:
    trace = watch(gradient_on_request).last
    captured = [e for e in trace.graph.events if e.kind == "capture"]
    names = [names_of(trace.graph, e.values) for e in captured]
    assert sorted(names) == [["h"], ["x"]]
    assert edges_into(trace, "h") == [[3, 6], [3, 6]]
    assert seen_as(trace, "arrived", "h") == [[6, 12]]


def test_a_kept_graph_runs_twice_with_both_numbers() -> None:
    trace = watch(kept_graph).last
    assert seen_as(trace, "arrived", "x") == [6, 6]
    assert seen_as(trace, "after", "x") == [6, 12]
    assert edges_into(trace, "x") == [3, 3, 3, 3]
    assert ".grad 6 → 12" in picture(trace)


def test_several_roots_are_all_roots() -> None:
    trace = watch(several_roots).last
    assert names_of(trace.graph, trace.graph.roots) == ["a", "b"]
    # 2 * 1 + 3 * [10, 20]
    assert seen_as(trace, "arrived", "x") == [[32, 62]]
    assert sorted(edges_into(trace, "x")) == [[2, 2], [30, 60]]


def test_a_leaf_that_backward_was_told_to_leave_out_is_not_reached() -> None:
    trace = watch(backward_of_chosen_inputs).last
    assert seen_as(trace, "arrived", "w") == [2]
    assert seen_as(trace, "arrived", "x") == []
    assert "∂ not reached" in picture(trace)


def test_accumulated_gradients_are_passes_of_one_step() -> None:
    trace = watch(accumulated).traces[0]
    assert len(watch(accumulated).traces) == 1
    assert seen_as(trace, "arrived", "w") == [1, 2, 3]
    assert seen_as(trace, "after", "w")[:3] == [1, 3, 6]
    assert {event.pass_index for event in trace.graph.events} == {0, 1, 2}


def test_a_failed_second_backward_leaves_the_first_as_it_was() -> None:
    trace = watch(backward_after_it_was_freed).traces[0]
    assert seen_as(trace, "arrived", "x") == [6]
    assert len(ops_named(trace, "mul")) == 1


def test_a_hessian_is_recorded_with_no_number_missing() -> None:
    trace = watch(hessian_by_functional).last
    assert len(ops_named(trace, "grad")) >= 1
    assert gaps(trace) == []
