"""A column of zeros among the data, and data that are full of zeros."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import findings_of, kinds_of, only, said


def _houses() -> torch.Tensor:
    torch.manual_seed(0)
    x = torch.rand(6, 4) + 0.5
    x[:, 3] = 0.0
    return x


def test_the_weight_of_a_column_of_zeros_learns_nothing() -> None:
    X, y = _houses(), torch.ones(6, 1)
    model = nn.Linear(4, 1)
    with gs.trace(model) as t:
        loss = F.mse_loss(model(X), y)
        loss.backward()
    found = only(t)
    assert found.kind == "zero-feature"
    assert found.title == (
        "Column 3 of `X` is 0 in every row: its weight learns nothing"
    )
    assert said(found.explanation) == (
        "All 6 rows of `X` (here) have 0 in column 3, counted from 0. The gradient of "
        "a weight is that number times what arrives, so of `weight[:, 3]` it is "
        "exactly 0, and the other columns have one."
    )
    assert found.remedy == (
        "Leave column 3 of `X` out, or use rows in which it is not always 0."
    )


def test_it_is_found_in_a_product_by_hand() -> None:
    X = _houses()
    with gs.trace() as t:
        w = torch.ones(4, requires_grad=True)
        (X @ w).sum().backward()
        V = torch.ones(2, 4, requires_grad=True)
        (X @ V.T).sum().backward()
    texts = [f.explanation for f in findings_of(t)]
    assert "of `w[3]` it is exactly 0" in texts[0]
    assert "of `V[:, 3]` it is exactly 0" in texts[1]


def test_other_data_have_no_such_column() -> None:
    model = nn.Linear(4, 1)
    with gs.trace(model) as t:
        model(torch.rand(6, 4)).sum().backward()
    assert kinds_of(t) == []


def test_indicators_may_miss_a_class_in_a_batch() -> None:
    model = nn.Linear(4, 2)
    with gs.trace(model) as t:
        codes = F.one_hot(torch.tensor([0, 1, 2, 1, 0]), 4).float()
        model(codes).sum().backward()
    assert kinds_of(t) == []


def test_pictures_with_an_empty_margin_are_right() -> None:
    picture = torch.rand(5, 6)
    picture[:, 0] = picture[:, 5] = 0.0
    model = nn.Linear(6, 1)
    with gs.trace(model) as t:
        model(picture).sum().backward()
    assert kinds_of(t) == []


def test_a_few_rows_may_all_have_a_zero() -> None:
    model = nn.Linear(3, 1)
    with gs.trace(model) as t:
        x = torch.tensor([[0.2, 0.0, 3.0], [0.4, 0.0, 1.0]])
        model(x).sum().backward()
    assert kinds_of(t) == []


def test_a_column_that_other_batches_fill_is_right() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batches = [_houses(), torch.rand(6, 4)]
    with gs.trace(model) as t:
        for x in batches:
            loss = model(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert findings_of(t) == ()
