"""`torch.compile`: one truthful opaque op, and nothing compiled that would not be."""

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

import graphscope as gs
from tests.zoo.asking import gaps, names_of, numbers, op_named, op_names, picture
from tests.zoo.watching import Look, Program, three_parts, watch


def _counted() -> dict[str, dict[str, int]]:
    """Return what dynamo counted since the last reset."""
    kept = ("frames", "stats", "graph_break", "recompiles", "unimplemented")
    return {k: dict(v) for k, v in counters.items() if k in kept}


class _Graphs:
    """A backend that counts the graphs it gets, and runs them as they are."""

    def __init__(self) -> None:
        self.count = 0
        self.ops: list[list[str]] = []

    def __call__(
        self, graph: torch.fx.GraphModule, _: list[torch.Tensor]
    ) -> Callable[..., Any]:
        self.count += 1
        self.ops.append([str(node.target) for node in graph.graph.nodes])
        return graph.forward


def _fresh() -> None:
    torch._dynamo.reset()
    counters.clear()


def _wave(v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    h = torch.sin(v) * w
    return h + 1


def _broken(v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    h = v * w
    torch._dynamo.graph_break()
    return h.exp()


def _compiled(body: Callable[..., Any], **options: Any) -> Program:
    def program(look: Look) -> Any:
        _fresh()
        backend = _Graphs()
        run = torch.compile(body, backend=backend, **options)
        x = torch.tensor([0.0, 1.0], requires_grad=True)
        w = torch.tensor([2.0, 3.0], requires_grad=True)
        for _ in range(3):
            y = run(x, w)
            loss = y.sum()
            look(loss)
            loss.backward()
        return [x.grad, w.grad, backend.count, backend.ops, _counted()]

    return program


function = _compiled(_wave)
fullgraph = _compiled(_wave, fullgraph=True)
graph_break = _compiled(_broken)
dynamic = _compiled(_wave, dynamic=True)
function.__name__, fullgraph.__name__ = "function", "fullgraph"
graph_break.__name__, dynamic.__name__ = "graph_break", "dynamic"


def ahead_of_time(look: Look) -> Any:
    _fresh()
    run = torch.compile(_wave, backend="aot_eager")
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    w = torch.tensor([2.0, 3.0], requires_grad=True)
    y = run(x, w)
    loss = y.sum()
    look(loss, x=x, w=w, y=y)
    loss.backward()
    return [x.grad, w.grad, y, _counted()]


class Net(nn.Module):
    """A model of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> Any:
        """Return a wave."""
        return torch.tanh(self.first(x))


def _module_program(compiled: Callable[[nn.Module, Any], Any]) -> Program:
    def program(look: Look) -> Any:
        _fresh()
        backend = _Graphs()
        model = Net()
        run = compiled(model, backend)
        x = torch.tensor([[1.0, 2.0]])
        for _ in range(3):
            y = run(x)
            loss = y.sum()
            look(loss)
            loss.backward()
        return [[p.grad for p in model.parameters()], backend.ops, _counted()]

    return program


def _in_place(model: nn.Module, backend: Any) -> nn.Module:
    model.compile(backend=backend, fullgraph=True)
    return model


def _only_a_child(model: nn.Module, backend: Any) -> nn.Module:
    assert isinstance(model, Net)
    compiled: Any = torch.compile(model.first, backend=backend, fullgraph=True)
    model.first = compiled
    return model


module = _module_program(lambda m, b: torch.compile(m, backend=b, fullgraph=True))
module_in_place = _module_program(_in_place)
child_module = _module_program(_only_a_child)
module.__name__, module_in_place.__name__ = "module", "module_in_place"
child_module.__name__ = "child_module"


def step_compiled_whole(look: Look) -> Any:
    del look
    _fresh()
    backend = _Graphs()
    w = torch.tensor([1.0, 2.0])

    @torch.compile(backend=backend)
    def step(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return weight - 0.1 * (weight * x)

    for _ in range(3):
        w = step(w, torch.ones(2))
    return [w, backend.count, _counted()]


def new_shapes(look: Look) -> Any:
    del look
    _fresh()
    backend = _Graphs()
    run = torch.compile(torch.sin, backend=backend)
    found = [run(torch.ones(size)) for size in (2, 3, 4, 5)]
    return [found, backend.count, _counted()]


def without_gradient(look: Look) -> Any:
    del look
    _fresh()
    run = torch.compile(_wave, backend=_Graphs())
    x = torch.tensor([0.0, 1.0])
    y = run(x, x)
    return [y * 2, _counted()]


def compiled_with_inductor(look: Look) -> Any:
    _fresh()
    run = torch.compile(_wave)
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    w = torch.tensor([2.0, 3.0], requires_grad=True)
    y = run(x, w)
    loss = y.sum()
    look(loss, x=x, w=w, y=y)
    loss.backward()
    return [x.grad, w.grad, y, _counted()]


PROGRAMS: list[Program] = [
    function,
    fullgraph,
    graph_break,
    dynamic,
    ahead_of_time,
    module,
    module_in_place,
    child_module,
]
test_it_is_harmless, *_ = three_parts(
    [*PROGRAMS, step_compiled_whole, new_shapes, without_gradient]
)
_, test_it_is_complete, _, test_it_can_be_drawn = three_parts(PROGRAMS)
_, _, test_it_is_true, _ = three_parts([ahead_of_time])


def test_a_compiled_function_is_one_opaque_op_named_after_it() -> None:
    trace = watch(ahead_of_time).last
    assert op_names(trace) == ["_wave", "sum"]
    op = op_named(trace, "_wave")
    assert op.kind.value == "gap"
    assert "torch.compile" in op.note
    assert names_of(trace.graph, op.inputs) == ["x", "w"]
    assert names_of(trace.graph, op.outputs) == ["y"]
    (node,) = op.grad_nodes
    assert trace.graph.grad_nodes[node].name == "CompiledFunctionBackward"
    assert numbers(trace.value_of(op.outputs[0])) == [1, 3.5244]
    assert op.site is not None
    assert op.site.expression == "run(x, w)"
    assert "? _wave" in picture(trace)


def test_every_call_of_a_compiled_function_is_one_opaque_op() -> None:
    for program in (function, fullgraph, dynamic):
        trace = watch(program).last
        assert op_names(trace) == ["_wave", "sum"] * 3
        assert len(gaps(trace)) == 1


def test_the_parts_between_graph_breaks_are_still_one_op() -> None:
    trace = watch(graph_break).last
    assert op_names(trace) == ["_broken", "sum"] * 3


@pytest.mark.parametrize("program", [module, module_in_place])
def test_a_compiled_module_is_one_opaque_op_named_after_it(program: Program) -> None:
    trace = watch(program).last
    assert op_names(trace) == ["Net", "sum"] * 3
    op = next(o for o in trace.graph.ops if o.name == "Net")
    assert op.kind.value == "gap"
    names = names_of(trace.graph, op.inputs)
    assert names[0] == "x"
    assert {"first.weight", "first.bias"} <= set(names)
    assert names_of(trace.graph, op.outputs) == ["y"]


def test_a_compiled_child_is_opaque_and_its_siblings_are_not() -> None:
    trace = watch(child_module).last
    assert op_names(trace) == ["Linear", "tanh", "sum"] * 3
    op = next(o for o in trace.graph.ops if o.name == "Linear")
    assert op.scope == "first"


def test_a_compiled_function_without_gradient_is_not_silent() -> None:
    trace = watch(without_gradient).last
    assert op_names(trace) == ["_wave", "mul"]
    assert numbers(trace.value_of(op_named(trace, "_wave").outputs[0])) == [1, 1.8415]


def test_a_hundred_calls_compile_once() -> None:
    import graphscope as gs

    _fresh()
    backend = _Graphs()
    run = torch.compile(_wave, backend=backend)
    x = torch.ones(2, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(10):
            with gs.trace():
                for _ in range(10):
                    run(x, x).sum().backward()
    assert backend.count == 1
    assert Counter(_counted()["frames"]) == {"total": 1, "ok": 1}


def test_what_was_compiled_before_a_trace_is_not_compiled_again_inside() -> None:
    import graphscope as gs

    _fresh()
    backend = _Graphs()
    run = torch.compile(_wave, backend=backend)
    x = torch.ones(2, requires_grad=True)
    run(x, x)
    before = _counted()
    with gs.trace():
        run(x, x)
    run(x, x)
    assert (backend.count, _counted()) == (1, before)


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
def test_torch_jit_trace_writes_down_the_same_graph() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())
    x = torch.ones(1, 3)
    with gs.trace(model) as t:
        before = model(x)
        traced = torch.jit.trace(model, x)
        after = model(x)

    bare = torch.jit.trace(model, x)
    kinds = [[node.kind() for node in g.inlined_graph.nodes()] for g in (traced, bare)]
    assert kinds[0] == kinds[1]
    assert torch.equal(before, after)
    assert t.faults == {}
    assert [op.name for op in t.last.trace.graph.ops][-2:] == ["linear", "relu"]
    reasons = " ".join(gap.reason for gap in t.last.trace.graph.gaps)
    assert "torch.jit.trace writes down what is done with tensors" in reasons
