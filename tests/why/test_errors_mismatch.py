"""What is told of a call whose tensors do not fit."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.why.errors.mismatch.broadcasts import first_misfit
from graphscope.model.finding import Finding
from tests.why.programs import run_case


def explain(run: Callable[[], object]) -> Finding:
    """Return the one finding of a function that raises."""
    tracing = gs.trace()
    with pytest.raises((RuntimeError, ValueError, IndexError)), tracing:
        run()
    assert tracing.faults == {}
    (found,) = tracing.findings
    assert found.kind == "mismatch"
    return found


def test_the_shapes_are_followed_back_to_the_input() -> None:
    found = run_case("mismatch_cnn_features").only("mismatch")
    name = "mismatch_cnn_features.py"
    assert found.title == "`x` has rows of 54, and the layer `fc1` takes 150"
    assert found.explanation == (
        f"`self.fc1(x)` ({name}:19) got `x` ({name}:18), f32[2, 54], and `fc1.weight` "
        f"({name}:19), f32[10, 150]. The layer `fc1` (`nn.Linear(150, 10)`) multiplies "
        "rows of 150 numbers with its weight f32[10, 150]; the last axis of `x` has 54."
    )
    assert found.remedy == (
        "Make the layer `fc1` with `nn.Linear(54, 10)`, or give it rows of 150 numbers."
    )
    way = found.paths[0]
    assert [(step.text, step.mark) for step in way[:2] + way[-2:]] == [
        ("images = torch.randn(2, 1, 20, 20)", "f32[2, 1, 20, 20]"),
        ("self.conv1(x)", "f32[2, 4, 18, 18]"),
        ("x = F.max_pool2d(F.relu(self.conv2(x)), 2)", "f32[2, 6, 3, 3]"),
        ("x = torch.flatten(x, 1)", "f32[2, 54]"),
    ]


def test_a_dtype_is_converted_to_that_of_the_model() -> None:
    found = run_case("mismatch_double_data").only("mismatch")
    assert found.title == "`X` is float64, and `0.weight` is float32"
    assert found.remedy == "Convert it: `X.float()`."


def test_a_device_is_told_of_with_both_ways_to_move() -> None:
    found = run_case("mismatch_other_device").only("mismatch")
    assert found.title == "`x` is on cpu, and the layer `0` on meta"
    assert found.remedy == (
        'Move the model to the data, with `.to("cpu")`, or the data to the model: '
        '`x.to("meta")`.'
    )


@pytest.mark.parametrize(
    ("case", "remedy"),
    [
        ("mismatch_not_flattened", "`batch.flatten(1)` is [4, 784]."),
        ("mismatch_weight_turned", "Turn one of them: `X @ W.T`."),
        ("mismatch_row_means", "`means.unsqueeze(1)` is [6, 1]."),
        ("mismatch_float_labels", "Convert it: `y.long()`."),
        ("mismatch_label_column", "`labels.squeeze(1)` is [5]."),
        ("mismatch_binary_targets", "`target.unsqueeze(1)` is [8, 1]."),
        ("mismatch_channels_last", "`images.permute(0, 3, 1, 2)` is [2, 3, 16, 16]."),
        ("mismatch_cat_columns", "`torch.cat([numeric, one_hot], dim=1)`."),
        ("mismatch_view_of_a_batch", "`pooled.flatten(1)` is [4, 200]; a layer"),
    ],
)
def test_the_remedy_is_in_the_users_own_code(case: str, remedy: str) -> None:
    assert remedy in run_case(case).only("mismatch").remedy


A = torch.ones(2, 3)
COLUMN = torch.ones(3, 2, requires_grad=True)


@pytest.mark.parametrize(
    ("run", "title"),
    [
        (lambda: torch.bmm(A[None], A[None]), "no product"),
        (lambda: torch.matmul(torch.ones(2, 3, 4), torch.ones(3, 4, 5)), "batches of"),
        (lambda: torch.mm(A, torch.ones(4, 2)), "no product"),
        (lambda: torch.einsum("ij,jk", A, A), "`j` is 3 in"),
        (lambda: torch.stack([torch.ones(2), torch.ones(3)]), "are no stack"),
        (lambda: torch.cat([A, torch.ones(3)]), "have not as many axes"),
        (lambda: A.reshape(4, 2), "do not make [4, 2]"),
        (lambda: A.t().view(-1), "cannot be read in that shape"),
        (lambda: A.expand(3, 3), "cannot be expanded to [3, 3]"),
        (lambda: A[torch.tensor([True])], "The mask"),
        (lambda: A.masked_fill(A, 0.0), "is float32, and a mask is bool"),
        (lambda: torch.where(A, A, A), "is float32, and a mask is bool"),
        (lambda: A.clone().add_(torch.ones(2, 2, 3)), "in place"),
        (lambda: torch.ones(2, dtype=torch.int64).add_(0.5 * A[:, 0]), "fractions"),
        (lambda: torch.ones(2, dtype=torch.int64).mean(), "needs fractions"),
        (A.item, "has 6 numbers, where one is asked for"),
        (lambda: nn.Embedding(4, 2)(A), "needs whole numbers"),
        (lambda: nn.BatchNorm1d(5)(A), "has 3 features"),
        (lambda: nn.LayerNorm(5)(A), "has 3 features"),
        (lambda: nn.Conv2d(1, 1, 5)(torch.ones(1, 1, 3, 3)), "smaller than the kernel"),
        (lambda: nn.Conv2d(1, 1, 3)(torch.ones(4, 4)), "has 2 axes"),
        (lambda: (COLUMN * 2).backward(torch.ones(3)), "The seed"),
        (lambda: F.mse_loss(A, torch.ones(4)), "do not broadcast"),
        (lambda: F.cross_entropy(COLUMN.T, torch.zeros(5).long()), "are no labels for"),
        (
            lambda: F.binary_cross_entropy_with_logits(
                COLUMN[:, 0], torch.ones(3, dtype=torch.int64)
            ),
            "needs probabilities",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_each_family_of_calls_says_what_does_not_fit(
    run: Callable[[], object], title: str
) -> None:
    found = explain(run)
    assert title in found.title
    assert found.explanation.endswith(".")
    assert found.remedy.endswith(".")
    assert found.site is not None


def test_an_assignment_names_the_part_that_is_written_to() -> None:
    def run() -> None:
        x, row = torch.zeros(3, 4), torch.ones(3)
        x[0] = row

    assert explain(run).title == "`row` [3] does not fit into `x[0]`"


def test_a_message_that_no_family_knows_is_told_with_all_that_was_given() -> None:
    def run() -> None:
        x, y = torch.zeros(3, 4), torch.zeros(3, 4)
        torch.linalg.cross(x, y)

    found = explain(run)
    assert found.title == "The tensors that `linalg_cross` got do not fit"
    assert found.explanation.endswith("`x` is f32[3, 4] and `y` is f32[3, 4].")


def test_a_model_that_was_cast_is_compared_as_it_is_now() -> None:
    def run() -> None:
        layer = nn.Linear(3, 2)
        layer(A)
        layer.double()
        layer(A)

    assert explain(run).remedy == "Convert it: `A.double()`."


def test_what_a_known_trap_tells_is_not_told_twice() -> None:
    scores = torch.zeros(2, 3, requires_grad=True)
    tracing = gs.trace()
    with pytest.raises(NotImplementedError), tracing:
        F.cross_entropy(torch.tensor([0, 1]), scores * 2)
    assert [found.kind for found in tracing.findings] == ["swapped-arguments"]


@pytest.mark.parametrize(
    "run",
    [
        lambda: A[5],
        lambda: nn.Embedding(2, 2)(torch.tensor([7])),
        lambda: torch.linalg.inv(torch.zeros(2, 2)),
    ],
)
def test_other_errors_of_calls_are_no_mismatch(run: Callable[[], object]) -> None:
    tracing = gs.trace()
    with pytest.raises((IndexError, RuntimeError)), tracing:
        run()
    assert tracing.findings == ()


def test_shapes_are_compared_from_the_last_axis_on() -> None:
    assert first_misfit((5, 3, 1), (4, 7)) == (-2, 3, 4)
    assert first_misfit((5, 1), (1, 4)) is None
    assert first_misfit((), (3,)) is None
