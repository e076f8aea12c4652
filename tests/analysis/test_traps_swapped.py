"""Prediction and target in each other's place, and losses that need it so."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import findings_of, kinds_of, only, said


def test_a_swapped_mse_loss_is_said_to_be_the_same_number() -> None:
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [4.0]])
    model, criterion = nn.Linear(1, 1), nn.MSELoss()
    with gs.trace(model) as t:
        y_hat = model(x)
        loss = criterion(y, y_hat)
        loss.backward()
    found = only(t)
    assert found.kind == "swapped-arguments"
    assert found.title == (
        "Prediction and target of mse_loss are swapped, which changes no number"
    )
    assert said(found.explanation) == (
        "`criterion(y, y_hat)` (here) calls mse_loss(input, target). In the place of "
        "the target stands `y_hat`, which requires a gradient: the prediction. In the "
        "place of the prediction stands `y`, which is given. mse_loss is symmetric: "
        "the loss and the gradients are the same both ways. Of cross_entropy and "
        "binary_cross_entropy they are not."
    )
    assert found.remedy == "Put the prediction first: `criterion(y_hat, y)`."


def test_a_swapped_binary_cross_entropy_is_another_number() -> None:
    labels = torch.tensor([1.0, 0.0])
    with gs.trace() as t:
        z = torch.zeros(2, requires_grad=True)
        a = torch.sigmoid(z)
        F.binary_cross_entropy(labels, a).backward()
    found = only(t)
    assert found.title == "Prediction and target of binary_cross_entropy are swapped"
    # As called, of each label: 0.5 · log 1 + 0.5 · log 0, the latter cut off at −100.
    # In order, of each prediction: −log 0.5.
    assert said(found.explanation).endswith(
        "which is given. binary_cross_entropy is not symmetric: the loss is 50, and in "
        "order it is 0.6931."
    )
    assert found.remedy == (
        "Put the prediction first: `F.binary_cross_entropy(a, labels)`."
    )


def test_a_swapped_cross_entropy_that_raised_is_explained() -> None:
    model, y = nn.Linear(2, 3), torch.tensor([0, 2])
    tracing: Any = gs.trace(model)
    with pytest.raises(RuntimeError) as caught, tracing:
        F.cross_entropy(y, model(torch.ones(2, 2)))
    found = only(tracing)
    assert found.kind == "swapped-arguments"
    assert found.explanation.endswith(
        f"It raised {type(caught.value).__name__}: {caught.value}."
    )
    assert found.remedy == (
        "Put the prediction first: `F.cross_entropy(model(torch.ones(2, 2)), y)`."
    )


def test_a_divergence_of_probabilities_in_the_place_of_logarithms_is_swapped() -> None:
    given = torch.tensor([[0.25, 0.75]])
    with gs.trace() as t:
        z = torch.zeros(1, 2, requires_grad=True)
        F.kl_div(given, torch.log_softmax(z, 1), reduction="sum").backward()
    assert kinds_of(t) == ["swapped-arguments"]


def test_the_prediction_first_is_right() -> None:
    model, x, y = nn.Linear(1, 1), torch.ones(4, 1), torch.zeros(4, 1)
    with gs.trace(model) as t:
        for loss in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss):
            loss(model(x), y).backward()
        F.binary_cross_entropy(torch.sigmoid(model(x)), y).backward()
    assert kinds_of(t) == []


def test_a_commitment_loss_that_stops_the_gradient_on_purpose_is_right() -> None:
    # VQ-VAE: one loss moves the code to the encoder, the other the encoder to the code
    encoder, code = nn.Linear(2, 2), torch.ones(3, 2, requires_grad=True)
    with gs.trace(encoder) as t:
        z = encoder(torch.ones(3, 2))
        quantized = code * 1.0
        loss = F.mse_loss(quantized, z.detach()) + F.mse_loss(quantized.detach(), z)
        loss.backward()
    assert kinds_of(t) == []


def test_a_frozen_teacher_is_no_given_data() -> None:
    teacher = nn.Sequential(nn.Linear(2, 2)).requires_grad_(requires_grad=False)
    student = nn.Linear(2, 2)
    with gs.trace(student) as t:
        x = torch.ones(3, 2)
        F.mse_loss(teacher(x), student(x)).backward()
    assert kinds_of(t) == []


def test_two_predictions_that_are_pulled_together_are_right() -> None:
    model = nn.Linear(2, 2)
    with gs.trace(model) as t:
        F.mse_loss(model(torch.ones(3, 2)), model(torch.zeros(3, 2))).backward()
    assert kinds_of(t) == []


def test_the_reverse_divergence_is_right() -> None:
    with gs.trace() as t:
        z = torch.zeros(1, 2, requires_grad=True)
        teacher = torch.tensor([[0.25, 0.75]]).log()
        F.kl_div(teacher, torch.softmax(z, 1), reduction="sum").backward()
    assert findings_of(t) == ()


def test_an_image_that_is_trained_itself_may_stand_where_it_likes() -> None:
    content = torch.ones(4)
    with gs.trace() as t:
        image = torch.zeros(4, requires_grad=True)
        F.mse_loss(content, image).backward()
    assert kinds_of(t) == []
