"""What the user's code compares with the gradients afterwards is drawn."""

import pytest
import torch

import graphscope as gs
from tests.diagram.sketch import texts_of


def test_a_gradient_by_hand_is_drawn_beside_the_one_of_autograd() -> None:
    with gs.trace() as t:
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (x**2).sum()
        loss.backward()
        by_hand = 2 * x.detach()
        max_diff = (by_hand - x.grad).abs().max()  # type: ignore[operator]

    assert max_diff == 0
    titles = [text.split(" | ")[:2] for text in texts_of(t.last.diagram())]
    assert ["input x.grad", "[2, 4]"] in titles or ["value x.grad", "[2, 4]"] in titles
    assert ["operation *", "by_hand = 2 * x.detach()"] in titles
    assert titles[-1] == ["operation max", "max_diff = (by_hand - x.grad).abs().max()"]


def test_what_a_library_does_to_the_gradients_is_not_drawn() -> None:
    with gs.trace() as t:
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (x**2).sum()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([x], 1.0)

    assert norm > 0
    assert not [text for text in texts_of(t.last.diagram()) if "norm" in text]


def test_what_a_later_graph_is_built_from_is_an_operation_not_an_input() -> None:
    with gs.trace() as t:
        w = torch.tensor([-1.0, 5.0], requires_grad=True)
        (w**2).sum().backward()
        outside = w - 0.1 * w.grad  # type: ignore[operator]

    assert not outside.is_leaf
    texts = texts_of(t.last.diagram())
    assert "operation * | 0.1 * w.grad | [−0.2, 1]" in texts
    assert not [text for text in texts if text.startswith("input")]


def test_what_an_update_made_does_not_miss_a_gradient() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        (w * 3).backward()
        optimizer.step()
        after = w.detach() + 1

    assert after.item() == pytest.approx(2.7)
    assert not [text for text in texts_of(t.last.diagram()) if "not reached" in text]
