"""The derivative of a whole op is what torch says, however many nodes it has."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.diagram.build import build_diagram
from graphscope.diagram.derivatives import compose, local_derivative
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.diagram.selection import select
from graphscope.model.graph import Op
from graphscope.model.trace import Trace
from tests.diagram.sketch import arrows_of

WEIGHT = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


def cross_entropy(x: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(x, torch.tensor([2, 0]))


def linear(x: torch.Tensor) -> torch.Tensor:
    return F.linear(x, WEIGHT, torch.ones(2))


def linear_by_weight(x: torch.Tensor) -> torch.Tensor:
    return F.linear(torch.tensor([[1.0, 2.0, 3.0]]), x)


def square(x: torch.Tensor) -> torch.Tensor:
    return x * x


def bilinear(x: torch.Tensor) -> torch.Tensor:
    return F.linear(x, x)  # two uses, one of them through a transpose


def log_softmax(x: torch.Tensor) -> torch.Tensor:
    return F.log_softmax(x, 1)


def traced(function: Callable[[torch.Tensor], torch.Tensor]) -> tuple[Trace, Op]:
    with gs.trace() as t:
        x = torch.tensor([[0.3, -1.2, 0.8], [0.1, 0.9, -0.4]], requires_grad=True)
        out = function(x)
        out.backward(torch.ones_like(out))
    trace = t.last.trace
    [op] = [op for op in trace.graph.ops if trace.resolve("x").id in op.inputs]
    return trace, op


@pytest.mark.parametrize(
    ("function", "nodes"),
    [
        (cross_entropy, ["NllLossBackward0", "LogSoftmaxBackward0"]),
        (linear, ["AddmmBackward0"]),
        (linear_by_weight, ["MmBackward0", "TBackward0"]),
        (bilinear, ["MmBackward0", "TBackward0"]),
        (square, ["MulBackward0"]),
        (log_softmax, ["LogSoftmaxBackward0"]),
    ],
)
def test_the_derivative_of_an_op_is_torchs_jacobian(
    function: Callable[[torch.Tensor], torch.Tensor], nodes: list[str]
) -> None:
    trace, op = traced(function)
    x = torch.tensor([[0.3, -1.2, 0.8], [0.1, 0.9, -0.4]])
    expected = torch.autograd.functional.jacobian(function, x).numpy()

    found = local_derivative(select(trace), op, op.outputs[0], trace.resolve("x").id)

    assert sorted(trace.graph.grad_nodes[n].name for n in op.grad_nodes) == sorted(
        nodes
    )
    assert found is not None
    assert found.jacobian.shape == expected.shape
    np.testing.assert_allclose(found.jacobian, expected, rtol=1e-5, atol=1e-6)
    # It is known as soon as the last of the op's nodes has run.
    ran = [trace.graph.grad_events[n][-1] for n in op.grad_nodes]
    assert found.event == max(ran)


def test_the_fused_loss_has_its_derivative_on_the_arrow() -> None:
    with gs.trace() as t:
        z = torch.tensor([[2.0, 1.0]], requires_grad=True)
        l = F.cross_entropy(z, torch.tensor([0]))  # noqa: E741 - the lecture's name
        l.backward()
    diagram = build_diagram(t.last.trace, DiagramOptions(style=Style.VARIABLES))

    # softmax − one-hot: [e/(1 + e) − 1, 1/(1 + e)]
    assert arrows_of(diagram)[0] == "z -> l flow ∂L/∂z = [−0.2689, 0.2689]"


def test_each_result_of_an_unpacking_has_its_own_derivative() -> None:
    with gs.trace() as t:
        p = torch.tensor([3.0, 5.0], requires_grad=True)
        w, b = p
        (w * b).backward()
    diagram = build_diagram(t.last.trace, DiagramOptions(style=Style.VARIABLES))

    assert arrows_of(diagram)[:2] == [
        "p -> w flow ∂w/∂p = [1, 0]",
        "p -> b flow ∂b/∂p = [0, 1]",
    ]


def test_an_op_too_large_for_a_matrix_has_no_derivative() -> None:
    with gs.trace() as t:
        x = torch.ones(40, requires_grad=True)
        (x * x).sum().backward()
    trace = t.last.trace
    [op] = [op for op in trace.graph.ops if op.name == "mul"]

    found = local_derivative(select(trace), op, op.outputs[0], trace.resolve("x").id)

    assert found is None


def test_matrices_that_do_not_fit_are_not_multiplied() -> None:
    assert compose(np.ones((2, 3)), np.ones((4, 5)), 1) is None
