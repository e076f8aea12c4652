"""What cannot be seen is a gap with its reason, and stays what it was."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

import graphscope as gs
from graphscope.capture.recorder import Recorder
from graphscope.model.graph import OpKind
from tests.capture.capturing import capture, numbers
from tests.capture.programs import Cube

COMPILE = """
import sys, torch
from torch._dynamo.utils import counters
import graphscope as gs

def double_sine(x):
    return torch.sin(x).sum() * 2

compiled = torch.compile(double_sine, backend="eager", fullgraph=True)
x = torch.ones(2, requires_grad=True)

def run():
    for _ in range(3):
        compiled(x).backward()

if sys.argv[1] == "traced":
    with gs.trace() as t:
        run()
    assert t.faults == {}, t.faults
else:
    run()
print(dict(counters["stats"]), x.grad.tolist())
"""


def test_a_result_from_before_the_trace_is_a_gap_whose_gradient_is_known() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    with gs.trace() as t:
        z = y * 3
        z.sum().backward()
    graph = t.last.trace.graph
    assert [(op.name, op.kind.value) for op in graph.ops] == [
        ("MulBackward0", "gap"),
        ("mul", "compute"),
        ("sum", "compute"),
    ]
    assert graph.gaps[0].reason.startswith("MulBackward0 was made where it could not")
    assert numbers(t["y"].grad) == [3.0, 3.0]
    assert numbers(list(t["y"].arrived)) == [[3.0, 3.0]]
    assert [node.name for node in graph.grad_nodes if node.op == 0] == ["MulBackward0"]


def test_a_compiled_function_is_compiled_as_without_us(tmp_path: object) -> None:
    script = f"{tmp_path}/compiles.py"
    with open(script, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(COMPILE)
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "error::UserWarning", script, how],
            capture_output=True,
            text=True,
            check=True,
        )
        for how in ("bare", "traced")
    ]
    assert outputs[0].stdout == outputs[1].stdout
    assert "'unique_graphs': 1" in outputs[0].stdout


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_frozen_transformer_runs_its_fused_path_as_without_us() -> None:
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 2).eval().requires_grad_(False)
    x, mask = torch.randn(2, 3, 8), torch.tensor([[False, False, True]] * 2)
    bare = model(x, src_key_padding_mask=mask)
    with gs.trace(), gs.trace() as inner:
        watched = model(x, src_key_padding_mask=mask)
    assert torch.equal(watched, bare)
    assert inner.last.trace.graph.gaps


class _Other(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        del types
        return func(*args, **(kwargs or {}))


def test_an_interrupt_inside_a_hidden_module_leaves_every_other_mode_alone() -> None:
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    layer.linear1.register_forward_pre_hook(interrupt)
    layer.register_forward_pre_hook(interrupt)
    other = _Other()
    with other:
        with pytest.raises(KeyboardInterrupt), gs.trace(), torch.no_grad():
            layer(torch.ones(1, 2, 8))
        assert torch._C._len_torch_function_stack() == 1
        assert torch._C._get_function_stack_at(0) is other


def test_a_trace_that_is_closed_out_of_order_takes_only_itself_away() -> None:
    recorder = Recorder(lambda _trace: None)
    recorder.start()
    other = _Other()
    with other:
        recorder.stop()
        assert torch._C._get_function_stack_at(0) is other
    assert torch._C._len_torch_function_stack() == 0


def test_errors_of_the_user_in_backward_are_no_faults_of_ours() -> None:
    def run() -> None:
        w = torch.ones(2, requires_grad=True)
        loss = (w * w).sum()
        loss.backward(retain_graph=True)
        with torch.no_grad():
            w.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()

    traces = capture(run)
    assert all(op.kind is not OpKind.GAP for op in traces[0].graph.ops)


def test_a_function_of_the_users_own_is_an_op_with_its_backward_node() -> None:
    with gs.trace() as t:
        x = torch.tensor([2.0], requires_grad=True)
        y = Cube.apply(x)
        z = y * 10
        z.backward()
    graph = t.last.trace.graph
    cube = next(op for op in graph.ops if op.name == "Cube")
    assert (cube.kind.value, [a.text for a in cube.arguments]) == ("compute", ["x"])
    assert [graph.grad_nodes[n].name for n in cube.grad_nodes] == ["CubeBackward"]
    assert graph.gaps == ()
    # z = 10 x³, so dz/dy = 10 and dz/dx = 30 x² = 120
    assert numbers(t["y"].grad) == [10.0]
    assert numbers(t["x"].grad) == [120.0]
    assert numbers(t["y"].value) == [8.0]
