"""Functions with a backward of the user's own."""

from typing import Any

import torch

from tests.zoo.asking import (
    edges_into,
    events,
    op_named,
    ops_of_scope,
    picture,
    seen_as,
)
from tests.zoo.watching import Look, Program, three_parts, watch


class Cube(torch.autograd.Function):
    """x cubed."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return x cubed, in two ops."""
        ctx.save_for_backward(x)
        square = x * x
        return square * x

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Return 3 x squared times the gradient."""
        (x,) = ctx.saved_tensors
        slope = 3 * x.square()
        gradient: torch.Tensor = slope * gradients[0]
        return gradient


class Split(torch.autograd.Function):
    """Two results, of which one has no gradient; a context set up apart."""

    @staticmethod
    def forward(x: torch.Tensor, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a scaled copy and the index of the largest element."""
        return x * scale, x.argmax()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep the scale."""
        ctx.scale = inputs[1]
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Scale the gradient."""
        return gradients[0] * ctx.scale, None


class AddInPlace(torch.autograd.Function):
    """Changes its argument."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Add one to x itself."""
        ctx.mark_dirty(x)
        return x.add_(1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Pass the gradient on."""
        return gradients[0]


class Reverse(torch.autograd.Function):
    """The gradient reversal layer: nothing forward, minus backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Return x."""
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Turn the gradient round."""
        return -gradients[0]


def own_function(look: Look) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = Cube.apply(x)
    loss = y.sum()
    look(loss, x=x, y=y)
    loss.backward()
    return [x.grad, y]


def own_function_with_setup(look: Look) -> Any:
    x = torch.tensor([1.0, 5.0], requires_grad=True)
    y, index = Split.apply(x, 3.0)
    loss = y.sum()
    look(loss, x=x, y=y, index=index)
    loss.backward()
    return [x.grad, index]


def own_function_in_place(look: Look) -> Any:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    z = AddInPlace.apply(y)
    loss = (z * z).sum()
    look(loss, x=x, z=z)
    loss.backward()
    return [x.grad, y, z is y]


def own_function_twice_on_one_tensor(look: Look) -> Any:
    x = torch.ones(2, requires_grad=True)
    y = Reverse.apply(x)
    z = Cube.apply(x)
    loss = (y + z).sum()
    look(loss, x=x, y=y, z=z)
    loss.backward()
    return x.grad


def own_function_differentiated_twice(look: Look) -> Any:
    x = torch.tensor([2.0], requires_grad=True)
    y = Cube.apply(x)
    look(y, x=x)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    loss = g.sum()
    loss.backward()
    return [g.detach(), x.grad]


PROGRAMS: list[Program] = [
    own_function,
    own_function_with_setup,
    own_function_in_place,
    own_function_twice_on_one_tensor,
]
(
    test_it_is_harmless,
    test_it_is_complete,
    test_it_is_true,
    test_it_can_be_drawn,
) = three_parts(PROGRAMS)


def test_a_function_of_the_users_is_an_op_with_its_own_backward_node() -> None:
    trace = watch(own_function).last
    cube = op_named(trace, "Cube")
    (node,) = cube.grad_nodes
    assert trace.graph.grad_nodes[node].name == "CubeBackward"
    assert [trace.graph.values[v].name for v in cube.inputs] == ["x"]
    assert [trace.graph.values[v].name for v in cube.outputs] == ["y"]
    assert trace.graph.values[cube.outputs[0]].version == 0
    # 3 x^2 at 1 and 2
    assert edges_into(trace, "x") == [[3, 12]]
    assert "CubeBackward" in dict.fromkeys(n.name for n in trace.graph.grad_nodes)


def test_a_function_of_the_users_knows_the_line_it_was_applied_in() -> None:
    trace = watch(own_function).last
    site = op_named(trace, "Cube").site
    assert site is not None
    assert site.expression == "Cube.apply(x)"
    assert "y = Cube.apply(x)" in picture(trace)


def test_the_ops_of_its_forward_are_inside_it_and_cut_nothing() -> None:
    trace = watch(own_function).last
    assert ops_of_scope(trace, "Cube") == ["mul", "mul"]
    assert [op.cut for op in trace.graph.ops if op.scope == "Cube"] == ["", ""]
    first, last = (op for op in trace.graph.ops if op.scope == "Cube")
    assert first.inputs == (trace.resolve("x").id,) * 2
    assert last.inputs[0] == first.outputs[0]
    assert "Cube" in [s.path for s in trace.graph.scopes]
    assert "cut" not in picture(trace)


def test_the_ops_of_its_backward_are_seen_and_told_apart_from_forward() -> None:
    trace = watch(own_function).last
    inner = [op for op in trace.graph.ops if op.scope == "CubeBackward"]
    assert [op.name for op in inner] == ["square", "mul", "mul"]
    phases = [e.phase for e in trace.graph.events if e.op in {op.id for op in inner}]
    assert {phase.name for phase in phases} == {"BACKWARD"}


def test_a_result_without_gradient_says_so() -> None:
    trace = watch(own_function_with_setup).last
    split = op_named(trace, "Split")
    y, index = (trace.graph.values[v] for v in split.outputs)
    assert (y.requires_grad, index.requires_grad) == (True, False)
    assert [a.text for a in split.arguments] == ["x", "3.0"]


def test_a_function_that_changes_its_argument_makes_a_new_version_of_it() -> None:
    trace = watch(own_function_in_place).last
    op = op_named(trace, "AddInPlace")
    (made,) = op.outputs
    z = trace.graph.values[made]
    assert (z.version, z.name) == (1, "z")
    assert z.previous == op.inputs[0]


def test_contributions_of_two_functions_add_up() -> None:
    trace = watch(own_function_twice_on_one_tensor).last
    # Reverse sends -1, Cube sends 3
    assert sorted(edges_into(trace, "x")) == [[-1, -1], [3, 3]]
    assert seen_as(trace, "arrived", "x") == [[2, 2]]


def test_the_second_derivative_of_a_function_has_nodes_too() -> None:
    traces = watch(own_function_differentiated_twice).traces
    graph = traces[-1].graph
    assert "accumulate" in events(traces[-1])
    # x arrives through the ops of Cube's backward: d(3x^2)/dx = 6x = 12
    assert seen_as(traces[-1], "arrived", "x")[-1] == [12]
    assert [n.name for n in graph.grad_nodes if n.op is None] == ["AccumulateGrad"]
