"""A maximum searched along an axis with one entry, and searches that find something."""

import torch
from torch import nn

import graphscope as gs
from tests.analysis.trapping import kinds_of, only, said


def test_argmax_on_a_column_is_always_zero() -> None:
    with gs.trace() as t:
        s = torch.tensor([[1.1], [-0.45], [0.4]])
        label = s.argmax(dim=1)
    found = only(t)
    assert label.tolist() == [0, 0, 0]
    assert found.kind == "argmax-on-column"
    assert found.title == "argmax along an axis with one entry is always 0"
    assert said(found.explanation) == (
        "`s.argmax(dim=1)` (here) looks for a place along axis 1 of `s` (here), of "
        "type f32[3, 1]. That axis has one entry, so each of the 3 numbers of the "
        "result is 0, whatever the scores are."
    )
    assert found.remedy == (
        "If the 3 entries along axis 0 are the scores of the classes, use "
        "`s.argmax(dim=0)`; if each is the only score of a sample, no maximum decides, "
        "but a threshold such as `s > 0`."
    )


def test_the_second_result_of_max_is_an_argmax_too() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(2, 1), torch.randn(5, 2)
    with gs.trace(model) as t, torch.no_grad():
        outputs = model(x)
        _, predicted = torch.max(outputs, 1)
    assert predicted.tolist() == [0] * 5
    found = only(t)
    assert found.title == "max along an axis with one entry is always 0"
    assert said(found.explanation).startswith(
        "`torch.max(outputs, 1)` (here) looks for a place along axis 1 of `outputs` "
    )


def test_an_axis_in_a_variable_is_found_by_the_shapes() -> None:
    axis = -1
    with gs.trace() as t:
        scores = torch.zeros(2, 3, 1)
        torch.argmin(scores, dim=axis)
    assert only(t).remedy == (
        "Take the axis along which the scores of the classes lie: dim=0 with 2 entries "
        "and dim=1 with 3 entries."
    )


def test_argmax_over_several_classes_is_right() -> None:
    with gs.trace() as t:
        scores = torch.tensor([[1.0, 3.0], [0.0, -1.0]])
        scores.argmax(dim=1)
        scores.argmax(dim=0, keepdim=True)
        scores.argmax()
    assert kinds_of(t) == []


def test_one_sample_with_several_classes_is_right() -> None:
    with gs.trace() as t:
        scores = torch.tensor([[1.0, 3.0, 2.0]])
        scores.argmax(dim=1)
        scores.argmax(1)
    assert kinds_of(t) == []


def test_the_maximum_itself_along_one_entry_is_used_in_pooling() -> None:
    with gs.trace() as t:
        hidden = torch.randn(4, 1, 3, requires_grad=True)
        pooled = hidden.max(dim=1).values
        pooled.sum().backward()
        _best, _ = hidden.max(dim=1)
    assert kinds_of(t) == []


def test_a_single_number_is_its_own_maximum() -> None:
    with gs.trace() as t:
        torch.tensor([[2.0]]).argmax(dim=1)
    assert kinds_of(t) == []
