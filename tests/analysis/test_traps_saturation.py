"""A sigmoid that is saturated on the wrong side, and ones that may be saturated."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import kinds_of, only, said


def test_a_saturated_sigmoid_is_named_with_score_loss_and_gradient() -> None:
    y = torch.zeros(1)
    with gs.trace() as t:
        z = torch.tensor([100.0], requires_grad=True)
        a = torch.sigmoid(z)
        loss = F.binary_cross_entropy(a, y)
        loss.backward()
    assert z.grad is not None
    assert z.grad.item() == 0.0
    found = only(t)
    assert found.kind == "saturated-sigmoid"
    assert found.title == "sigmoid is saturated on the wrong side: no gradient"
    assert said(found.explanation) == (
        "`z` (here) is 100, where the label is 0: sigmoid gives exactly 1 there, "
        "rounded to float32. `F.binary_cross_entropy(a, y)` (here) takes the logarithm "
        "of 0, which torch cuts off at −100: the loss is 100. The derivative of "
        "sigmoid, a · (1 − a), is 0 there, so `z` gets the gradient 0: the worst "
        "predictions learn nothing."
    )
    assert said(found.remedy) == (
        "Use `binary_cross_entropy_with_logits(z, y)` without sigmoid (here): its "
        "gradient at `z` is a − y, here 1."
    )


def test_a_batch_of_which_two_are_saturated_names_the_first() -> None:
    layer = nn.Linear(1, 1)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    model = nn.Sequential(layer, nn.Sigmoid())
    x = torch.tensor([[0.5], [300.0], [-200.0], [40.0]])
    labels = torch.tensor([[1.0], [0.0], [1.0], [1.0]])
    with gs.trace(model) as t:
        loss = nn.BCELoss()(model(x), labels)
        loss.backward()
    found = only(t)
    # (−log sigmoid(0.5) + 100 + 100 + 0) / 4 = (0.47408 + 200) / 4
    assert said(found.explanation) == (
        "The result of linear in `0` (here) is 300 at [1, 0], where the label is 0: "
        "sigmoid gives exactly 1 there, rounded to float32. So it is for 2 of 4 "
        "numbers. `nn.BCELoss()(model(x), labels)` (here) takes the logarithm of 0, "
        "which torch cuts off at −100: the loss is 50.1185. The derivative of sigmoid, "
        "a · (1 − a), is 0 there, so these scores get the gradient 0: the worst "
        "predictions learn nothing."
    )


def test_saturated_on_the_right_side_is_what_is_wanted() -> None:
    with gs.trace() as t:
        z = torch.tensor([100.0, -200.0], requires_grad=True)
        F.binary_cross_entropy(torch.sigmoid(z), torch.tensor([1.0, 0.0])).backward()
    assert kinds_of(t) == []


def test_a_large_error_that_is_not_saturated_has_its_gradient() -> None:
    with gs.trace() as t:
        z = torch.tensor([10.0, -40.0], requires_grad=True)
        F.binary_cross_entropy(torch.sigmoid(z), torch.tensor([0.0, 1.0])).backward()
    assert kinds_of(t) == []


def test_the_fused_loss_has_no_sigmoid_to_saturate() -> None:
    with gs.trace() as t:
        z = torch.tensor([100.0], requires_grad=True)
        F.binary_cross_entropy_with_logits(z, torch.zeros(1)).backward()
    assert kinds_of(t) == []


def test_a_saturated_gate_inside_a_network_is_no_loss() -> None:
    with gs.trace() as t:
        z = torch.tensor([100.0], requires_grad=True)
        (torch.sigmoid(z) * torch.tensor([2.0])).sum().backward()
    assert kinds_of(t) == []
