"""An update says θ ← θ − ηL′ only where its numbers do."""

import pytest
import torch

import graphscope as gs
from tests.diagram.sketch import texts_of


def update_text(make: object, gradient: float) -> str:
    """Return the text of the update that an optimizer makes of one parameter."""
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        optimizer = make([w])  # type: ignore[operator]
        loss = w * gradient
        loss.backward()
        optimizer.step()
    return texts_of(t.last.diagram())[-1]


def test_gradient_descent_is_written_with_its_numbers() -> None:
    text = update_text(lambda p: torch.optim.SGD(p, lr=0.1), 3.0)

    # 2 − 0.1 · 3
    assert text == ("update SGD | lr 0.1 | θ ← θ − 0.1 · L′ | w ← 2 − 0.1 · 3 = 1.7")


@pytest.mark.parametrize("gradient", [3.0, 1.0])
def test_an_optimizer_that_normalises_gets_no_rule(gradient: float) -> None:
    text = update_text(lambda p: torch.optim.Adam(p, lr=0.1), gradient)

    assert "←" not in text
    assert text.endswith("w 2 → 1.9")


def test_weight_decay_is_not_the_plain_rule() -> None:
    text = update_text(lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.5), 3.0)

    # 2 − 0.1 · (3 + 0.5 · 2)
    assert "←" not in text
    assert text.endswith("w 2 → 1.6")


def test_a_clipped_gradient_is_the_one_that_the_rule_shows() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        loss = w * 30
        loss.backward()
        torch.nn.utils.clip_grad_value_([w], 5.0)
        optimizer.step()

    assert texts_of(t.last.diagram())[-1].endswith("w ← 2 − 0.1 · 5 = 1.5")
