"""`torch.func` and scripted functions: one truthful op where Python cannot see."""

import warnings
from typing import Any

import pytest
import torch

from graphscope.model.graph import Op
from tests.zoo.asking import gaps, names_of, numbers, op_named, op_names, picture
from tests.zoo.watching import Look, Program, three_parts, watch

# torch gives this one itself, when torch.func.jvp is imported for the first time
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def _square_sum(v: torch.Tensor) -> torch.Tensor:
    return (v**2).sum()


def func_grad(look: Look) -> Any:
    x = torch.tensor([1.0, 2.0])
    g = torch.func.grad(_square_sum)(x)
    w = torch.ones(2, requires_grad=True)
    loss = (g * w).sum()
    look(loss, g=g, w=w)
    loss.backward()
    return [g, w.grad]


def func_grad_and_value(look: Look) -> Any:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    g, value = torch.func.grad_and_value(_square_sum)(w)
    loss = g.sum() * value
    look(loss, w=w)
    loss.backward()
    return [g, value, w.grad]


def vmap(look: Look) -> Any:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    w = torch.tensor([1.0, 10.0], requires_grad=True)
    y = torch.vmap(lambda row: torch.dot(row, w))(x)
    loss = y.sum()
    look(loss, w=w, y=y)
    loss.backward()
    return [y, w.grad]


def jvp(look: Look) -> Any:
    del look
    x = torch.zeros(2)
    run: Any = torch.func.jvp
    y, tangent = run(torch.sin, (x,), (torch.ones(2),))
    return [y + tangent]


def vjp(look: Look) -> Any:
    del look
    x = torch.tensor([1.0, 2.0])
    run: Any = torch.func.vjp
    y, pull = run(torch.exp, x)
    (g,) = pull(torch.ones(2))
    return [y, g * 2]


def jacrev_and_hessian(look: Look) -> Any:
    del look
    x = torch.tensor([1.0, 2.0])
    j = torch.func.jacrev(lambda v: v * v)(x)
    h = torch.func.hessian(_square_sum)(x)
    return [j + h]


def functional_call(look: Look) -> Any:
    model = torch.nn.Linear(2, 1)
    stacked = {k: torch.stack([v, v + 1]) for k, v in model.named_parameters()}
    x = torch.ones(1, 2)

    def call(weights: dict[str, torch.Tensor]) -> Any:
        return torch.func.functional_call(model, weights, (x,))

    y = torch.vmap(call)(stacked)
    loss = y.sum()
    look(loss)
    loss.backward()
    return [y, [p.grad for p in model.parameters()]]


def forward_mode(look: Look) -> Any:
    del look
    import torch.autograd.forward_ad as ad

    x = torch.tensor([0.0, 1.0])
    with ad.dual_level():
        dual = ad.make_dual(x, torch.ones(2))
        y = dual * dual
        primal, tangent = ad.unpack_dual(y)
    return [primal, tangent]


def _scripted_body(v: torch.Tensor) -> torch.Tensor:
    return torch.sin(v) * 2


def _script() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(_scripted_body)


def scripted(look: Look) -> Any:
    run = _script()
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    y = run(x)
    loss = y.sum()
    look(loss, x=x, y=y)
    loss.backward()
    return [x.grad, y]


def scripted_module(look: Look) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Any = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 2)))
    y = model(torch.ones(1, 2))
    loss = y.sum()
    look(loss, y=y)
    loss.backward()
    return [p.grad for p in model.parameters()]


def scripted_without_gradient(look: Look) -> Any:
    del look
    x = torch.tensor([0.0, 1.0])
    y = _script()(x)
    return y + 1


PROGRAMS: list[Program] = [
    func_grad,
    func_grad_and_value,
    vmap,
    functional_call,
    scripted,
    scripted_module,
]
FORWARD_ONLY: list[Program] = [
    jvp,
    vjp,
    jacrev_and_hessian,
    forward_mode,
    scripted_without_gradient,
]
_, test_it_is_complete, test_it_is_true, test_it_can_be_drawn = three_parts(PROGRAMS)
test_it_is_harmless, *_ = three_parts(PROGRAMS + FORWARD_ONLY)


def _opaque(program: Program) -> list[Op]:
    return [op for op in watch(program).last.graph.ops if op.kind.value == "gap"]


@pytest.mark.parametrize(
    ("program", "name", "inputs", "outputs"),
    [
        (func_grad, "grad", ["x"], ["g"]),
        (func_grad_and_value, "grad_and_value", ["w"], ["g", "value"]),
        (vmap, "vmap", ["x", "w"], ["y"]),
        (jvp, "jvp", ["x"], ["y", "tangent"]),
        (vjp, "vjp", ["x"], ["y"]),
        (scripted, "_scripted_body", ["x"], ["y"]),
        (scripted_without_gradient, "_scripted_body", ["x"], ["y"]),
    ],
)
def test_a_transformed_function_is_one_named_opaque_op(
    program: Program, name: str, inputs: list[str], outputs: list[str]
) -> None:
    trace = watch(program).last
    op = next(found for found in _opaque(program) if found.name == name)
    assert [n for n in names_of(trace.graph, op.inputs) if n] == inputs
    assert names_of(trace.graph, op.outputs) == outputs
    assert op.note
    assert op.site is not None
    assert name in picture(trace)


@pytest.mark.parametrize("program", [func_grad, vmap, jvp, functional_call, scripted])
def test_there_is_exactly_one_opaque_op_for_one_call(program: Program) -> None:
    assert len(_opaque(program)) == 1
    assert len(gaps(watch(program).last)) == 1


def test_the_numbers_of_an_opaque_result_are_recorded() -> None:
    trace = watch(func_grad).last
    assert numbers(trace.value_of(trace.resolve("g").id)) == [2, 4]
    assert op_names(trace) == ["grad", "mul", "sum"]


def test_inner_calls_of_a_transform_are_no_backward_of_the_users() -> None:
    trace = watch(func_grad).last
    assert [trace.graph.values[r].name for r in trace.graph.roots] == ["loss"]


def test_a_scripted_function_owns_the_nodes_it_made() -> None:
    trace = watch(scripted).last
    op = op_named(trace, "_scripted_body")
    names = sorted(trace.graph.grad_nodes[n].name for n in op.grad_nodes)
    assert any("Sin" in name or "Differentiable" in name for name in names)


def test_a_scripted_module_keeps_its_scope() -> None:
    (op,) = _opaque(scripted_module)
    assert "script" in op.note
    assert op.outputs == (watch(scripted_module).last.resolve("y").id,)
