"""`graphscope show --summary`: the table of the model's layers."""

from dataclasses import replace
from pathlib import Path

from graphscope.model.calls import ModuleCall, ModuleParameter, TensorType
from graphscope.storage.writer import RecordingWriter
from tests.cli.conftest import Run
from tests.samples import logistic_traces

TABLE = """\
----------------------------------------------------------------
        Layer (type)               Output Shape         Param #
================================================================
            Linear-1                    [-1, 3]              15
================================================================
Total params: 15
Trainable params: 3
Non-trainable params: 12
----------------------------------------------------------------
Input size (MB): 0.00
Forward/backward pass size (MB): 0.00
Params size (MB): 0.00
Estimated Total Size (MB): 0.00
----------------------------------------------------------------
"""


def _record(path: Path) -> None:
    """Write two steps, of which the first calls a layer with a frozen weight."""
    calls = (
        ModuleCall("", "Sequential", None, (TensorType((2, 4)),)),
        ModuleCall("0", "Linear", 0, (), (TensorType((2, 3)),), (0, 1)),
    )
    parameters = (
        ModuleParameter("0.weight", (3, 4), requires_grad=False),
        ModuleParameter("0.bias", (3,)),
    )
    first, second = logistic_traces(2)
    graph = replace(first.graph, calls=calls, parameters=parameters)
    writer = RecordingWriter(path, environment={})
    for trace in (replace(first, graph=graph), second):
        writer.add(trace)
    writer.close()


def test_show_prints_the_layers_of_a_step_without_importing_torch(
    process: Run, tmp_path: Path
) -> None:
    _record(tmp_path / "run.gscope")
    blocked = tmp_path / "torch.py"
    blocked.write_text("raise ImportError('not needed')")
    done = process("show", "run.gscope", "--summary", "--step", "0")

    assert (done.returncode, done.stdout, done.stderr) == (0, TABLE, "")


def test_a_step_without_a_module_is_an_error_that_says_what_to_do(
    graphscope: Run, tmp_path: Path
) -> None:
    _record(tmp_path / "run.gscope")
    done = graphscope("show", "run.gscope", "--summary")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: No module was called in step 1, so there is no layer to list. "
        "Choose a step in which an nn.Module runs.\n"
    )
