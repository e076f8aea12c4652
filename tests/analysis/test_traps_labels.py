"""Labels that are no class, and losses that are right or fail for another reason."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import findings_of, kinds_of, only, said


def _run_into(error: type[Exception], run: Callable[[], object], *models: Any) -> Any:
    tracing = gs.trace(*models)
    with pytest.raises(error), tracing:
        run()
    return tracing


def test_labels_from_one_are_named_with_the_classes() -> None:
    y = torch.tensor([1, 1, 2, 2, 3, 3])
    z = torch.zeros(6, 3, requires_grad=True)
    t = _run_into(IndexError, lambda: F.cross_entropy(z, y))
    found = only(t)
    assert found.kind == "labels-out-of-range"
    assert found.title == "Labels from 1 to 3 for 3 classes"
    assert said(found.explanation) == (
        "`F.cross_entropy(z, y)` (here) raised IndexError: Target 3 is out of bounds. "
        "The labels `y` (here) go from 1 to 3, and 2 of 6 are no class. `z` (here) has "
        "3 scores for each sample, so the classes are numbered 0 to 2."
    )
    assert found.remedy == "Number the classes from 0: give the loss `y - 1`."
    graph = t.last.trace.graph
    assert [graph.values[v].name for v in found.values] == ["y", "z"]


def test_a_training_loop_that_was_never_recorded_before_is_explained_too() -> None:
    model, criterion = nn.Linear(2, 3), nn.CrossEntropyLoss()
    features, labels = torch.randn(400, 2), torch.arange(400) % 3 + 1

    def train() -> None:
        for _ in range(2):
            loss = criterion(model(features), labels)
            loss.backward()

    found = only(_run_into(IndexError, train, model))
    # 400 labels are too many to be kept whole: their least and largest are known
    assert "The labels `labels` (here) go from 1 to 3. " in said(found.explanation)
    assert found.remedy == "Number the classes from 0: give the loss `labels - 1`."


def test_a_label_too_many_asks_for_another_output() -> None:
    y = torch.tensor([0, 4, 2])
    t = _run_into(
        IndexError, lambda: F.nll_loss(torch.log_softmax(torch.zeros(3, 3), 1), y)
    )
    assert only(t).remedy == (
        "Number the classes in `y` from 0 to 2, or give the model 5 outputs."
    )


def test_a_negative_label_needs_a_number_to_be_ignored() -> None:
    y = torch.tensor([0, -1, 2])
    t = _run_into(IndexError, lambda: F.cross_entropy(torch.zeros(3, 3), y))
    assert only(t).remedy == (
        "Number the classes in `y` from 0 to 2; samples without a label need the "
        "number that `ignore_index` names."
    )


def test_labels_from_zero_are_right() -> None:
    with gs.trace() as t:
        z = torch.zeros(3, 3, requires_grad=True)
        F.cross_entropy(z, torch.tensor([0, 1, 2])).backward()
    assert kinds_of(t) == []


def test_labels_that_the_loss_ignores_are_right() -> None:
    with gs.trace() as t:
        z = torch.zeros(3, 3, requires_grad=True)
        F.cross_entropy(z, torch.tensor([0, -100, 2])).backward()
        F.cross_entropy(z, torch.tensor([0, 7, 2]), ignore_index=7).backward()
    assert kinds_of(t) == []


def test_a_handled_exception_is_no_trap() -> None:
    with gs.trace() as t:
        z = torch.zeros(3, 3, requires_grad=True)
        with pytest.raises(IndexError):
            F.cross_entropy(z, torch.tensor([1, 2, 3]))
        F.cross_entropy(z, torch.tensor([1, 2, 3]) - 1).backward()
    assert kinds_of(t) == []


def test_an_index_error_of_another_call_is_not_about_labels() -> None:
    table = torch.zeros(3, 2)
    t = _run_into(IndexError, lambda: table[5])
    assert findings_of(t) == ()


def test_a_loss_that_fails_by_its_shapes_is_not_about_labels() -> None:
    t = _run_into(
        ValueError,
        lambda: F.cross_entropy(torch.zeros(3, 3), torch.tensor([0, 1])),
    )
    assert kinds_of(t) == ["mismatch"]
