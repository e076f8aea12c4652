"""What is replaced for compiled and scripted functions, and that it is put back."""

import subprocess
import sys
import threading
from typing import Any

import pytest
import torch
from torch._dynamo import eval_frame
from torch.nn.modules import module as torch_module

import graphscope as gs
from graphscope.capture import compiled

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

_LATE = """
import sys, torch, graphscope as gs
with gs.trace() as t:
    x = torch.ones(2, requires_grad=True)
    assert "torch._dynamo" not in sys.modules
    graphs = []
    def backend(graph, _):
        graphs.append(graph)
        return graph.forward
    run = torch.compile(lambda v: v.sin() * 2, backend=backend)
    run(x)
    run(x)
print([op.name for op in t.last.trace.graph.ops], len(graphs), t.faults)
"""


def _globals() -> tuple[Any, ...]:
    return (
        eval_frame._maybe_set_eval_frame,
        torch_module._has_any_global_hook,
        torch._C.ScriptFunction.__call__,
        list(sys.meta_path),
    )


def test_torchs_functions_are_back_after_the_last_of_several_traces() -> None:
    before = _globals()
    with gs.trace():
        with gs.trace():
            assert eval_frame._maybe_set_eval_frame is compiled._switch
        assert eval_frame._maybe_set_eval_frame is compiled._switch
    assert _globals() == before


def test_a_compiler_that_is_imported_later_is_seen() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LATE], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['ones', '<lambda>', '<lambda>'] 1 {}\n"


def test_each_of_two_nested_traces_has_the_op() -> None:
    torch._dynamo.reset()
    run = torch.compile(torch.nn.Tanh(), backend="eager")
    with gs.trace() as outer, gs.trace() as inner:
        run(torch.ones(2))
    for t in (outer, inner):
        assert [op.name for op in t.last.trace.graph.ops] == ["ones", "Tanh"]
        assert t.faults == {}


def test_an_error_in_a_compiled_function_leaves_the_modes_in_place() -> None:
    torch._dynamo.reset()

    def fails(v: torch.Tensor) -> torch.Tensor:
        torch._dynamo.graph_break()
        raise ValueError(str(v.shape))

    with gs.trace() as t:
        with pytest.raises(ValueError, match="Size"):
            torch.compile(fails, backend="eager")(torch.ones(2))
        torch.ones(2) * 3
        assert len(torch_module._global_forward_hooks) == 1
    assert [op.name for op in t.last.trace.graph.ops] == ["ones", "ones", "mul"]
    assert torch._C._len_torch_function_stack() == 0


def test_a_compiled_call_of_a_thread_that_is_not_recorded_is_left_alone() -> None:
    torch._dynamo.reset()
    run = torch.compile(torch.sin, backend="eager")
    with gs.trace() as t:
        thread = threading.Thread(target=run, args=(torch.zeros(2),))
        thread.start()
        thread.join()
    assert [op.name for op in t.last.trace.graph.ops] == ["zeros"]
    assert t.faults == {}


def test_without_the_compilers_function_compiled_code_still_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch._dynamo.reset()
    monkeypatch.setattr(compiled, "_SWITCH", "is_of_another_version")
    run = torch.compile(torch.sin, backend="eager")
    with gs.trace() as t:
        found = run(torch.zeros(2))
    assert found.tolist() == [0, 0]
    assert t.faults == {}
