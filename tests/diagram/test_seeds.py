"""A backward that started with more than a plain 1 says so at the result."""

import torch

import graphscope as gs
from tests.diagram.sketch import texts_of


def test_the_seed_vector_stands_at_the_result_in_both_styles() -> None:
    with gs.trace() as t:
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        c = x * x
        c.backward(torch.tensor([0.1, 1.0, 0.001]))

    for style in ("operations", "variables"):
        [root] = [b for b in t.last.diagram(style).boxes if b.kind.value == "root"]
        assert root.lines[-1].text == "seed v = [0.1, 1, 0.001]"


def test_a_plain_backward_of_a_loss_has_no_seed_to_speak_of() -> None:
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        z = x * x
        z.backward()

    assert texts_of(t.last.diagram())[-1] == "root z | 4 | ∂ 1"


def test_a_scaled_loss_is_seeded_too() -> None:
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        z = x * x
        z.backward(torch.tensor(0.5))

    assert texts_of(t.last.diagram())[-1] == "root z | 4 | seed v = 0.5"


def test_a_result_that_another_backward_went_through_has_no_seed() -> None:
    with gs.trace() as t:
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = x * 3
        total = y.sum()
        total.backward(retain_graph=True)
        y.backward(torch.ones(2))

    [box] = [b for b in t.last.diagram().boxes if b.title == "y"]
    assert box.lines[-1].text == "∂ 1, 1 (each of 2)"


def test_grad_is_followed_to_a_zeroing_behind_the_last_backward() -> None:
    with gs.trace() as t:
        w = torch.ones(4, requires_grad=True)
        for _ in range(2):
            (w * 3).sum().backward()
            w.grad.zero_()  # type: ignore[union-attr]

    [box] = [b for b in t.last.diagram().boxes if b.title == "w"]
    assert box.lines[-1].text == ".grad 3 → 0 → 3 → 0 (each of 4)"


def test_a_leaf_that_an_op_made_has_its_own_grad() -> None:
    with gs.trace() as t:
        x = torch.tensor([4.0, 9.0]).clone().requires_grad_()
        s = x.sqrt().sum()
        s.backward()
        s = x.sum()
        s.backward()

    [box] = [b for b in t.last.diagram().boxes if b.title == "clone"]
    # 1 / (2√x), and 1 more
    assert [line.text for line in box.lines[-2:]] == [
        "arrived [0.25, 0.1667], [1, 1]",
        ".grad [0.25, 0.1667] → [1.25, 1.1667]",
    ]
