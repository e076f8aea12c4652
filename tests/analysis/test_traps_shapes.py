"""(N,) against (N, 1) in a loss, and broadcasting that is meant."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import kinds_of, only, said


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_column_against_a_line_is_compared_pair_by_pair() -> None:
    x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([1.0, 2.0, 3.0])
    model = nn.Linear(1, 1)
    nn.init.ones_(model.weight)
    nn.init.zeros_(model.bias)
    with gs.trace(model) as t:
        y_hat = model(x)
        loss = F.mse_loss(y_hat, y)
        loss.backward()
    found = only(t)
    assert found.kind == "broadcast-loss"
    assert found.title == "3 predictions are compared with 3 labels each"
    # the differences 0, 1 and 2 occur 3, 4 and 2 times: (4 · 1 + 2 · 4) / 9
    assert said(found.explanation) == (
        "`y_hat` is f32[3, 1] and `y` is f32[3]. `F.mse_loss(y_hat, y)` (here) "
        "broadcasts them to [3, 3]: 9 differences, every prediction with every label, "
        "instead of 3. The loss is 1.3333; of the pairs that belong together it is 0."
    )
    assert found.remedy == (
        "Give both the same shape: `y.unsqueeze(1)` is a column like the other."
    )


def test_a_loss_by_hand_is_compared_the_same() -> None:
    x, y = torch.rand(4, 2), torch.rand(4, 1)
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        y_hat = x @ w
        loss = ((y_hat - y) ** 2).mean()
        loss.backward()
    found = only(t)
    assert said(found.explanation) == (
        "`y_hat` is f32[4] and `y` is f32[4, 1]. `y_hat - y` (here) broadcasts them to "
        "[4, 4]: 16 differences, every prediction with every label, instead of 4."
    )
    assert found.remedy == (
        "Give both the same shape: `y_hat.unsqueeze(1)` is a column like the other."
    )


def test_equal_shapes_are_right() -> None:
    model, x = nn.Linear(2, 1), torch.rand(4, 2)
    with gs.trace(model) as t:
        F.mse_loss(model(x), torch.rand(4, 1)).backward()
        F.l1_loss(model(x).squeeze(1), torch.rand(4)).backward()
    assert kinds_of(t) == []


def test_a_bias_and_a_single_sample_are_broadcast_on_purpose() -> None:
    with gs.trace() as t:
        w = torch.ones(1, 1, requires_grad=True)
        ((w - torch.tensor([2.0])) ** 2).mean().backward()
        (w * torch.rand(5, 1) - torch.tensor([1.0])).square().mean().backward()
    assert kinds_of(t) == []


def test_all_pairs_of_points_may_be_what_is_wanted() -> None:
    centres = torch.rand(4)
    with gs.trace() as t:
        x = torch.rand(4, 1, requires_grad=True)
        kernel = torch.exp(-((x - centres) ** 2))
        kernel.sum().backward()
    assert kinds_of(t) == []


def test_distances_among_the_predictions_themselves_are_right() -> None:
    with gs.trace() as t:
        w = torch.rand(4, requires_grad=True)
        h = w * 2
        (h.unsqueeze(1) - h).abs().mean().backward()
    assert kinds_of(t) == []


def test_a_root_of_the_mean_and_a_printed_error_do_not_hide_the_pairs() -> None:
    model, x, y = nn.Linear(2, 1), torch.rand(4, 2), torch.rand(4)
    with gs.trace(model) as t:
        error = model(x) - y
        loss = torch.sqrt((error * error).mean() + 1e-6) / 2
        loss.backward()
        error.abs().mean().item()
    assert kinds_of(t) == ["broadcast-loss"]


def test_pairs_that_are_weighed_one_by_one_may_be_meant() -> None:
    model, x, y = nn.Linear(2, 1), torch.rand(4, 2), torch.rand(4)
    with gs.trace(model) as t:
        distances = (model(x) - y) ** 2
        torch.exp(-distances).mean().backward()
    assert kinds_of(t) == []


def test_a_target_that_another_model_predicts_is_a_target_too() -> None:
    model, other, x = nn.Linear(2, 1), nn.Linear(2, 1), torch.rand(4, 2)
    with gs.trace() as t:
        with torch.no_grad():
            target = other(x)
        error = target - model(x).squeeze(1)
        error.pow(2).mean().backward()
    assert kinds_of(t) == ["broadcast-loss"]


def test_a_prediction_against_itself_may_want_every_pair() -> None:
    model, x = nn.Linear(2, 1), torch.rand(4, 2)
    with gs.trace(model) as t:
        y_hat = model(x)
        spread = y_hat.squeeze(1) - y_hat.detach()
        spread.pow(2).mean().backward()
    assert kinds_of(t) == []
