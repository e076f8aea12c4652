"""Losses that explode because of the learning rate, and losses that only grow."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.traps.explosion import has_exploded, rising_runs
from tests.analysis.trapping import findings_of, kinds_of, only, said

X = torch.tensor([1.0, 2.0, 3.0, 4.0])
Y = 2 * X


def test_a_quadratic_that_overshoots_is_named_with_the_largest_rate() -> None:
    w = torch.zeros((), requires_grad=True)
    lr = 0.2
    with gs.trace() as t:
        for _ in range(6):
            loss = ((w * X - Y) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                w -= lr * w.grad  # type: ignore[operator]
            w.grad = None
    found = only(t)
    # L = 7.5 (w − 2)², so L″ = 15 and w − 2 becomes 1 − 0.2 · 15 = −2 times what it
    # was: the gradient turns round and doubles, the loss is 4 times as large. Plain
    # gradient descent converges below 2 / 15 = 0.1333.
    assert found.kind == "learning-rate-too-large"
    assert found.title == "The learning rate 0.2 is too large: the loss explodes"
    assert said(found.explanation) == (
        "`loss` (here) is 30, 120, 480 and 1920 in steps 0 to 3, about 4 times as much "
        "in each step as in the one before. With every update the gradient turns round "
        "and grows; its norm is 30, 60, 120 and 240. So every update jumps over the "
        "minimum and lands further away on the other side."
    )
    assert found.remedy == (
        "Use a learning rate below about 0.13: along the updates the gradient "
        "changes by 15 for each unit of the way, and gradient descent "
        "diverges from 2 / 15 on. Inputs scaled to a range around 1 allow a larger "
        "one."
    )
    assert found.site is not None
    assert found.site.expression == "w -= lr * w.grad"


def test_raw_features_explode_with_an_optimizer_until_the_loss_is_infinite() -> None:
    features = torch.tensor(
        [
            [230.1, 37.8, 69.2],
            [44.5, 39.3, 45.1],
            [17.2, 45.9, 69.3],
            [151.5, 41.3, 58.5],
            [180.8, 10.8, 58.4],
        ]
    )
    sales = torch.tensor([[22.1], [10.4], [12.0], [16.5], [17.9]])
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with gs.trace(model) as t:
        for _ in range(30):
            loss = F.mse_loss(model(features), sales)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = only(t)
    assert found.title == "The learning rate 0.01 is too large: the loss explodes"
    assert " in steps 0 to 3, about " in found.explanation
    assert ", and ∞ in step " in found.explanation
    assert "The first of them moved `weight`, whose norm was " in found.explanation
    # the largest eigenvalue of 2/5 · AᵀA, with a column of ones in A for the bias
    table = torch.cat([features, torch.ones(5, 1)], dim=1)
    largest = torch.linalg.eigvalsh(2 / 5 * table.T @ table)[-1].item()
    bound = float(
        found.remedy.removeprefix("Use a learning rate below about ").split(":")[0]
    )
    assert bound == pytest.approx(2 / largest, rel=0.05)


def test_a_deep_network_explodes_on_the_same_data() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 300), nn.ReLU(), nn.Linear(300, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
    x, y = torch.randn(16, 4), torch.randn(16, 1)
    with gs.trace(model) as t:
        for _ in range(8):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = only(t)
    assert found.kind == "learning-rate-too-large"
    # Its curvature grows with every jump: a number measured there would be no help.
    assert found.remedy == (
        "Use a smaller learning rate, or scale the inputs to a range around 1."
    )


def _train(lr: float, steps: int, **options: Any) -> Any:
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, **options)
    with gs.trace(model) as t:
        for _ in range(steps):
            loss = F.mse_loss(model(X[:, None]), Y[:, None])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return t


def test_a_rate_that_converges_is_right() -> None:
    assert kinds_of(_train(0.05, 20)) == []


def test_a_rate_at_the_edge_that_oscillates_and_converges_is_right() -> None:
    assert kinds_of(_train(0.115, 20)) == []


def test_gradient_ascent_on_purpose_does_not_overshoot() -> None:
    assert kinds_of(_train(0.05, 12, maximize=True)) == []


def test_a_loss_that_grows_because_the_data_grow_is_right() -> None:
    with gs.trace() as t:
        w = torch.ones((), requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=1e-12)
        for power in range(8):
            loss = (w * torch.tensor(10.0**power)) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert kinds_of(t) == []


def test_a_spike_from_which_the_training_recovers_is_right() -> None:
    w = torch.zeros((), requires_grad=True)
    with gs.trace() as t:
        for step in range(16):
            loss = ((w * X - Y) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                w -= (0.2 if step < 5 else 0.05) * w.grad  # type: ignore[operator]
            w.grad = None
    assert findings_of(t) == ()


def test_a_second_training_with_a_larger_loss_is_no_explosion() -> None:
    with gs.trace() as t:
        for scale in (1.0, 10.0, 100.0, 1000.0, 10000.0):
            w = torch.ones((), requires_grad=True)
            loss = (w * scale) ** 2
            loss.backward()
            with torch.no_grad():
                w -= 1e-9 * w.grad  # type: ignore[operator]
    assert kinds_of(t) == []


def test_nan_from_a_logarithm_is_no_explosion() -> None:
    with gs.trace() as t:
        w = torch.tensor(0.5, requires_grad=True)
        for _ in range(4):
            loss = torch.log(w) + 3
            loss.backward()
            with torch.no_grad():
                w -= 0.3 * w.grad  # type: ignore[operator]
            w.grad = None
    assert kinds_of(t) == ["nan"]


def test_runs_of_rises_end_where_the_loss_falls_or_is_unknown() -> None:
    assert list(rising_runs([1.0, 2.0, 3.0, 4.0, None, 5.0, 6.0, 7.0, 8.0, 8.0])) == [
        (0, 3),
        (5, 8),
    ]
    assert list(rising_runs([])) == []
    assert has_exploded([1.0, 20.0, 400.0, float("inf")], 0, 3)
