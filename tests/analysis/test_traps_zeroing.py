"""Gradients that are never zeroed, and gradients that are added up on purpose."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import kinds_of, only, said

X = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
Y = 2 * X


def test_a_gradient_that_was_used_before_is_named_with_all_three_numbers() -> None:
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.01)
    with gs.trace() as t:
        for _ in range(3):
            loss = ((w * X - Y) ** 2).mean()
            loss.backward()
            optimizer.step()
    found = only(t)
    # L′ = 15 (w − 2): −30 at w = 0, and −25.5 at w = 0.3
    assert found.kind == "missing-zero-grad"
    assert found.title == "The gradients are not zeroed between the updates"
    assert said(found.explanation) == (
        "Before backward (here) of step 1 the `.grad` of `w` is −30: the gradient of "
        "step 0, which its update (here) has used. Backward adds −25.5, and the update "
        "uses the sum, −55.5."
    )
    assert said(found.remedy) == (
        "Write `optimizer.zero_grad()` before the backward (here)."
    )
    assert found.step == 1
    assert found.site is not None
    assert found.site.expression == "loss.backward()"


def test_a_model_names_all_of_its_parameters() -> None:
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    adam = torch.optim.Adam(model.parameters())
    with gs.trace(model) as t:
        for _ in range(5):
            F.mse_loss(model(X), Y).backward()
            adam.step()
    found = only(t)
    assert found.explanation.endswith(" It is the same with `bias`.")
    assert said(found.remedy) == "Write `adam.zero_grad()` before the backward (here)."


def test_an_update_by_hand_has_its_own_remedy() -> None:
    w = torch.zeros((), requires_grad=True)
    with gs.trace() as t:
        for _ in range(3):
            ((w * X - Y) ** 2).mean().backward()
            with torch.no_grad():
                w -= 0.01 * w.grad  # type: ignore[operator]
    found = only(t)
    assert said(found.remedy) == "Write `w.grad = None` before the backward (here)."


def test_zeroing_at_either_end_of_the_loop_is_right() -> None:
    for place in range(3):
        w = torch.zeros((), requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.01)
        with gs.trace() as t:
            for _ in range(3):
                if place == 0:
                    optimizer.zero_grad()
                loss = ((w * X - Y) ** 2).mean()
                if place == 1:
                    optimizer.zero_grad(set_to_none=False)
                loss.backward()
                optimizer.step()
                if place == 2:
                    optimizer.zero_grad()
        assert kinds_of(t) == []


def test_several_backwards_for_one_update_are_accumulation() -> None:
    w = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.01)
    with gs.trace() as t:
        for _ in range(3):
            for x, y in zip(X, Y, strict=True):
                ((w * x - y) ** 2 / 4).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert kinds_of(t) == []


def test_two_networks_that_train_each_other_are_right() -> None:
    torch.manual_seed(0)
    generator, critic = nn.Linear(1, 1), nn.Linear(1, 1)
    first = torch.optim.SGD(generator.parameters(), lr=0.01)
    second = torch.optim.SGD(critic.parameters(), lr=0.01)
    with gs.trace(generator, critic) as t:
        for _ in range(3):
            second.zero_grad()
            made = generator(torch.rand(4, 1))
            (critic(made.detach()) - critic(torch.rand(4, 1))).mean().backward()
            second.step()
            first.zero_grad()
            (-critic(made).mean()).backward()  # the critic's .grad grows, unused
            first.step()
    assert kinds_of(t) == []


def test_a_gradient_that_is_kept_and_decayed_is_momentum_by_hand() -> None:
    w = torch.zeros((), requires_grad=True)
    with gs.trace() as t:
        for _ in range(3):
            ((w * X - Y) ** 2).mean().backward()
            with torch.no_grad():
                w -= 0.01 * w.grad  # type: ignore[operator]
                w.grad.mul_(0.9)  # type: ignore[union-attr]
    assert kinds_of(t) == []
