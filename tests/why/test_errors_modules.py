"""What is told of a layer that refuses what it is given before it computes."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

import graphscope as gs
from graphscope.model.finding import Finding
from graphscope.model.graph import OpKind
from tests.why.programs import run_case


def explain(run: Callable[[], object]) -> Finding:
    """Return the one finding of a function that raises."""
    tracing = gs.trace()
    with pytest.raises((RuntimeError, ValueError, AssertionError)), tracing:
        run()
    assert tracing.faults == {}
    (found,) = tracing.findings
    assert found.kind == "mismatch"
    return found


def test_rows_of_another_length_are_told_with_the_layer_and_its_line() -> None:
    found = run_case("mismatch_lstm_features").only("mismatch")
    name = "mismatch_lstm_features.py"
    assert found.title == "`series` has rows of 3, and the layer `lstm` takes 4"
    assert found.explanation == (
        f"`self.lstm(x)` ({name}:14) got `series` ({name}:20), f32[16, 12, 3]. The "
        "layer `lstm` takes 4 features of each sample and time; the last axis of "
        "`series` [16, 12, 3] has 3."
    )
    assert found.remedy == (
        "Make the layer `lstm` with `nn.LSTM(3, …)`, or give it rows of 4 numbers."
    )


def test_a_normalisation_for_other_axes_names_the_one_that_is_for_them() -> None:
    found = run_case("mismatch_wrong_batch_norm").only("mismatch")
    assert found.title == (
        "The result of conv1d in `features.0` [3, 8, 28] has 3 axes, and the layer "
        "`features.1` takes 4"
    )
    assert found.remedy == (
        "Make the layer `features.1` with `nn.BatchNorm1d`, which is for such tensors."
    )


def gru_with_state(*shape: int) -> None:
    gru, x, h = nn.GRU(4, 5, batch_first=True), torch.ones(3, 6, 4), torch.zeros(shape)
    gru(x, h)


def test_a_state_says_which_axis_is_wrong() -> None:
    found = explain(lambda: gru_with_state(1, 6, 5))
    assert found.title == (
        "The state `h` is [1, 6, 5], and the layer `gru` takes [1, 3, 5]"
    )
    assert "Samples: 6 in place of 3." in found.explanation
    assert found.remedy == (
        "Make the state with `torch.zeros(1, 3, 5)`; or, if the 6 of `x` are the "
        "samples, change `batch_first` of the layer `gru`."
    )
    assert explain(lambda: gru_with_state(2, 3, 5)).remedy == (
        "Make the state with `torch.zeros(1, 3, 5)`."
    )


@pytest.mark.parametrize(
    ("layer", "shape", "remedy"),
    [
        (nn.LSTM(4, 5), (3, 4, 7), "Its axis 1 has 4: `x.transpose(1, 2)` is"),
        (nn.RNN(4, 5), (2, 1, 3, 4), "`x.squeeze(1)` is [2, 3, 4]."),
        (nn.GRU(4, 5), (2, 3, 2, 2), "`x.flatten(2)` is [2, 3, 4]"),
        (nn.GRU(4, 5), (2, 3, 2, 2, 1), "samples, time and features"),
        (nn.LSTMCell(4, 5), (2, 3, 4), "once for each time step"),
        (nn.LSTMCell(4, 5), (3, 6), "rows of 4 numbers."),
        (nn.BatchNorm1d(4), (4,), "`x.unsqueeze(0)` is [1, 4]."),
        (nn.BatchNorm1d(4), (2, 4, 3, 3), "with `nn.BatchNorm2d`"),
        (nn.TransformerEncoderLayer(8, 2), (3, 2, 6), "`nn.MultiheadAttention(6, …)`"),
    ],
)
def test_the_remedy_fits_the_shape(
    layer: nn.Module, shape: tuple[int, ...], remedy: str
) -> None:
    def run() -> None:
        x = torch.ones(shape)
        layer(x)

    assert remedy in explain(run).remedy


def test_what_the_message_does_not_say_is_told_with_all_that_was_given() -> None:
    def run() -> None:
        rnn = nn.RNN(4, 5)
        x, h = torch.ones(6, 4), torch.ones(1, 1, 5)
        rnn(x, h)

    assert explain(run).explanation.endswith(
        "raised RuntimeError: For unbatched 2-D input, hx should also be 2-D but got "
        "3-D tensor. `x` is f32[6, 4] and `h` is f32[1, 1, 5]."
    )


class Refusing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        message = f"expected 4D input (got {x.dim()}D input)"
        raise ValueError(message)


def test_what_the_users_own_module_refuses_is_left_to_its_message() -> None:
    tracing = gs.trace()
    with pytest.raises(ValueError, match="expected 4D"), tracing:
        nn.Sequential(Refusing())(torch.ones(2, 3))
    assert tracing.findings == ()


def test_a_refusal_that_is_handled_is_no_part_of_the_step() -> None:
    layer = nn.BatchNorm2d(3)
    with gs.trace() as tracing:
        x = torch.ones(2, 3, requires_grad=True)
        with pytest.raises(ValueError, match="expected 4D"):
            layer(x)
        x.sum().backward()
    assert tracing.findings == ()
    assert all(op.kind is not OpKind.GAP for op in tracing.last.trace.graph.ops)
