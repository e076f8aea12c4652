"""The table of a model's layers: the lectures' tables, and what those leave open."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

import graphscope as gs
from graphscope.analysis.summary import ModelSummary, summarize_model
from graphscope.model.calls import ModuleCall, ModuleParameter, TensorType
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace


def summarize(run: Callable[[], object], *models: nn.Module) -> ModelSummary:
    """Trace `run()` and summarize the step."""
    with gs.trace(*models) as t:
        run()
    assert t.faults == {}
    return t.summary()


def rows_of(summary: ModelSummary) -> list[tuple[str, str, int]]:
    """Return what stands in the rows."""
    return [(row.label, row.shape_text, row.parameters) for row in summary.rows]


@pytest.mark.parametrize(
    ("inputs", "outputs", "parameters"),
    # what the lectures print; each is inputs · outputs weights and `outputs` biases
    [
        (3, 1, 4),
        (4, 3, 15),
        (1, 1, 2),
        (13, 1, 14),
        (2, 1, 3),
        (4, 1, 5),
        (1, 2, 4),
        (1, 3, 6),
    ],
)
def test_the_lectures_tables_come_out_of_the_recording(
    inputs: int, outputs: int, parameters: int
) -> None:
    model = nn.Sequential(nn.Linear(inputs, outputs))
    found = summarize(lambda: model(torch.zeros(2, inputs)))
    assert rows_of(found) == [("Linear-1", f"[-1, {outputs}]", parameters)]
    totals = (found.total, found.trainable, found.non_trainable)
    assert totals == (parameters, parameters, 0)


def test_the_table_is_written_as_torchsummary_writes_it() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(864, 120),
        nn.Dropout(0.5),
        nn.Linear(120, 10),
    )

    def run() -> None:
        loss = nn.CrossEntropyLoss()(model(torch.zeros(5, 1, 28, 28)), torch.arange(5))
        loss.backward()

    # Output of torchsummary 1.5.1, summary(model, (1, 28, 28), device="cpu").
    # Forward/backward: 2 · (2 · 3456 + 864 + 864 + 120 + 120 + 10) · 4 bytes = 0.07 MB;
    # parameters: 105166 · 4 bytes = 0.40 MB.
    assert (
        str(summarize(run))
        == """\
----------------------------------------------------------------
        Layer (type)               Output Shape         Param #
================================================================
            Conv2d-1            [-1, 6, 24, 24]             156
              ReLU-2            [-1, 6, 24, 24]               0
         MaxPool2d-3            [-1, 6, 12, 12]               0
           Flatten-4                  [-1, 864]               0
            Linear-5                  [-1, 120]         103,800
           Dropout-6                  [-1, 120]               0
            Linear-7                   [-1, 10]           1,210
================================================================
Total params: 105,166
Trainable params: 105,166
Non-trainable params: 0
----------------------------------------------------------------
Input size (MB): 0.00
Forward/backward pass size (MB): 0.07
Params size (MB): 0.40
Estimated Total Size (MB): 0.47
----------------------------------------------------------------"""
    )


class Twice(nn.Module):
    """Calls one layer twice, and layers without an op of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Identity()
        self.lin = nn.Linear(4, 4)
        self.drop = nn.Dropout(0.5).eval()

    def forward(self, x: torch.Tensor) -> Any:
        """Run them."""
        return self.drop(self.lin(self.lin(self.same(x))))


def test_a_layer_that_runs_twice_has_two_rows_and_counts_once_in_the_total() -> None:
    found = summarize(lambda: Twice()(torch.zeros(2, 4)))
    assert rows_of(found) == [
        ("Identity-1", "[-1, 4]", 0),
        ("Linear-2", "[-1, 4]", 20),
        ("Linear-3", "[-1, 4]", 20),
        ("Dropout-4", "[-1, 4]", 0),
    ]
    assert found.total == 20
    assert found.notes == (
        "Parameters that several rows share are counted once in the total.",
    )
    assert [row.path for row in found.rows] == ["same", "lin", "lin", "drop"]


def test_a_repeated_training_step_has_the_same_table() -> None:
    model = Twice()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gs.trace() as t:
        for size in (3, 3, 3, 3, 2):
            loss = model(torch.ones(size, 4)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    tables = {str(step.summary()) for step in t.steps}
    assert len(t.steps) == 5
    assert len(tables) == 1


def test_frozen_parameters_are_not_trainable_and_buffers_are_no_parameters() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    model[0].requires_grad_(requires_grad=False)
    found = summarize(lambda: model(torch.zeros(4, 3)))
    # 3 · 2 + 2 frozen; γ and β of two features; running statistics are buffers
    assert [(row.parameters, row.trainable) for row in found.rows] == [(8, 0), (4, 4)]
    assert (found.total, found.trainable, found.non_trainable) == (12, 4, 8)


class Tied(nn.Module):
    """Reads its embedding a second time, as the output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(10, 4)
        self.out = nn.Linear(4, 10, bias=False)
        self.out.weight = self.emb.weight
        self.start = nn.Parameter(torch.zeros(4))
        self.unused = nn.Linear(7, 7)

    def forward(self, ids: torch.Tensor) -> Any:
        """Look up, add, project."""
        return self.out(self.emb(ids) + self.start)


def test_tied_parameters_count_once_and_a_containers_own_have_a_row() -> None:
    found = summarize(lambda: Tied()(torch.zeros(2, 5).long()))
    assert rows_of(found) == [
        ("Embedding-1", "[-1, 5, 4]", 40),
        ("Linear-2", "[-1, 5, 10]", 40),
        ("Tied-3", "[-1, 5, 10]", 4),
    ]
    assert found.total == 44  # `unused` was not called


def test_weight_norm_is_a_part_of_its_layer() -> None:
    model = nn.Sequential(weight_norm(nn.Linear(3, 2)))
    found = summarize(lambda: model(torch.zeros(1, 3)))
    # direction 2 · 3, length 2, bias 2
    assert rows_of(found) == [("ParametrizedLinear-1", "[-1, 2]", 10)]


def test_attention_and_recurrence_own_all_their_weights_and_list_every_result() -> None:
    def run() -> None:
        x = torch.zeros(2, 5, 4)
        nn.MultiheadAttention(4, 2, batch_first=True)(x, x, x)
        nn.LSTM(4, 3, batch_first=True)(x)

    found = summarize(run)
    assert rows_of(found) == [
        # 3 · (4 · 4 + 4) for query, key and value, 4 · 4 + 4 for the output
        ("MultiheadAttention-1", "[[-1, 5, 4], [-1, 5, 5]]", 80),
        # four gates: 4 · (3 · 4 + 3 · 3 + 3 + 3); the states count layers first
        ("LSTM-2", "[[-1, 5, 3], [1, 2, 3], [1, 2, 3]]", 108),
    ]


class Leaf(nn.Module):
    """A layer of the user's own, with an op inside of an op."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> Any:
        """Compute a line."""
        return torch.sigmoid(self.w * x + self.b)


@pytest.mark.parametrize(
    ("model", "x", "shapes"),
    [
        (nn.Linear(3, 2), torch.ones(3), ["[2]"]),
        (nn.Sequential(nn.Linear(3, 3), nn.ReLU()), torch.ones(3), ["[3]", "[3]"]),
        (nn.Conv2d(1, 2, 1), torch.ones(1, 4, 4), ["[2, 4, 4]"]),
        (nn.Conv2d(1, 2, 1), torch.ones(1, 1, 4, 4), ["[-1, 2, 4, 4]"]),
        (nn.Embedding(4, 2), torch.tensor([0, 3]), ["[-1, 2]"]),
        (Leaf(), torch.ones(6), ["[-1]"]),
        (Leaf(), torch.tensor(1.0), ["[1]"]),
        (nn.Flatten(0), torch.ones(2, 3), ["[-1]"]),
    ],
)
def test_a_single_example_has_no_batch_axis(
    model: nn.Module, x: torch.Tensor, shapes: list[str]
) -> None:
    found = summarize(lambda: model(x))
    assert [row.shape_text for row in found.rows] == shapes


class Nothing(nn.Module):
    """Returns no tensor."""

    def forward(self, x: torch.Tensor) -> None:
        """Compute and drop it."""
        x.sum()


def test_a_layer_that_returns_no_tensor_has_a_dash() -> None:
    assert rows_of(summarize(lambda: Nothing()(torch.ones(2)))) == [
        ("Nothing-1", "–", 0)
    ]


def test_a_model_that_is_called_again_is_described_by_its_first_call() -> None:
    model = nn.Sequential(nn.Linear(3, 1))

    def run() -> None:
        model(torch.ones(4, 3)).sum().backward()
        with torch.no_grad():
            model(torch.ones(7, 3))

    found = summarize(run)
    assert rows_of(found) == [("Linear-1", "[-1, 1]", 4)]
    assert found.notes == (
        "Sequential was called 2 times: the table shows its first call.",
    )


def test_several_models_are_listed_in_one_table_and_losses_are_not() -> None:
    def run() -> None:
        generator, judge = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
        score = judge(generator(torch.ones(4, 2)))
        nn.BCELoss()(score, torch.ones(4, 1)).backward()
        nn.L1Loss(reduction="none")(score, torch.ones(4, 1))

    found = summarize(run)
    assert rows_of(found) == [
        ("Linear-1", "[-1, 3]", 9),
        ("Linear-2", "[-1, 1]", 4),
        ("Sigmoid-3", "[-1, 1]", 0),
    ]
    # inputs of one example: 2 and 3 numbers of 4 bytes
    assert found.input_bytes == 20


def test_sizes_follow_the_dtype() -> None:
    model = nn.Linear(2, 1).double()
    found = summarize(lambda: model(torch.zeros(3, 2).double()))
    # 2 · 8 bytes in, (1 result + 1 gradient) · 8, 3 parameters · 8
    sizes = (found.input_bytes, found.output_bytes, found.parameter_bytes)
    assert sizes == (16, 16, 24)


def test_what_torch_ran_in_one_piece_is_one_layer_and_the_note_says_so() -> None:
    model = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()

    def run() -> None:
        with torch.no_grad():
            model(torch.zeros(2, 3, 4)) + 1

    found = summarize(run)
    count = sum(p.numel() for p in model.parameters())
    assert rows_of(found) == [("TransformerEncoderLayer-1", "[-1, 3, 4]", count)]
    (note,) = found.notes
    assert note.startswith("Not recorded: the inside of TransformerEncoderLayer")


def test_a_step_without_a_module_says_so() -> None:
    def run() -> None:
        w = torch.ones(3, requires_grad=True)
        (w * 2).sum().backward()

    found = summarize(run)
    assert (found.rows, found.total) == ((), 0)
    assert str(found) == (
        "No module was called in step 0, so there is no layer to list. Choose a step "
        "in which an nn.Module runs."
    )


def test_a_step_with_a_loss_alone_says_so() -> None:
    found = summarize(lambda: nn.MSELoss()(torch.ones(2), torch.zeros(2)))
    assert str(found).startswith("No module but a loss was called in step 0")


def test_the_file_keeps_what_the_table_needs(tmp_path: Any) -> None:
    path = tmp_path / "run.gscope"
    with gs.record(path):
        Twice()(torch.zeros(2, 4)).sum().backward()
    with gs.load(path) as steps:
        assert [row.label for row in steps[0].summary().rows] == [
            *("Identity-1", "Linear-2", "Linear-3", "Dropout-4")
        ]


def test_a_strangers_file_cannot_write_to_the_terminal_or_overflow_the_sizes() -> None:
    huge = TensorType(((1 << 62),) * 20)
    parameter = ModuleParameter("w", huge.shape)
    call = ModuleCall("", "\x1b[31mNet", None, (huge,), (huge,), (0,))
    graph = Graph(calls=(call,), parameters=(parameter,))
    text = str(summarize_model(Trace(graph)))
    assert "\x1b" not in text
    assert "�[31mNet-1" in text
