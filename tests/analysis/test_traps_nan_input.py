"""NaN in the data before anything is computed, and NaN from elsewhere."""

import io

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import kinds_of, only, said

CSV = "area,price\n6.7,9.1\n4.6,5.9\n3.5,4.6\n5.5,6.7\n"


def test_a_header_line_that_was_read_as_numbers_is_recognised() -> None:
    table = np.genfromtxt(io.StringIO(CSV), delimiter=",")
    model = nn.Linear(1, 1)
    with gs.trace(model) as t:
        X = torch.from_numpy(table[:, :1]).float()
        Y = torch.from_numpy(table[:, 1:]).float()
        loss = F.mse_loss(model(X), Y)
        loss.backward()
    found = only(t)
    assert found.kind == "nan-input"
    assert found.title == "NaN in the data, before anything is computed"
    assert said(found.explanation) == (
        "Row 0 of `X` (here) and `Y` (here) is NaN in every column, and no other "
        "number is NaN. That is what a header line becomes when it is read as numbers. "
        "From there it spreads: `loss` is NaN, and so are the gradients of `weight` "
        "and `bias`."
    )
    assert found.remedy == (
        "Skip the header line when the file is read: "
        "`numpy.genfromtxt(…, skip_header=1)`."
    )
    graph = t.last.trace.graph
    names = [graph.values[v].name for v in found.values]
    assert (names[0], names[1], names[-1]) == ("X", "Y", "loss")


def test_scattered_gaps_are_counted_and_their_rows_named() -> None:
    x = torch.ones(5, 3)
    x[1, 2] = x[4, 0] = x[4, 1] = torch.nan
    model = nn.Linear(3, 1)
    with gs.trace(model) as t:
        loss = model(x).sum()
        loss.backward()
    found = only(t)
    assert said(found.explanation) == (
        "In `x` (here) 3 of 15 numbers are NaN, in rows 1 and 4. From there it "
        "spreads: `loss` is NaN, and so is the gradient of `weight`."
    )
    assert found.remedy == (
        "Leave these samples out, or fill the gaps, before training: "
        "`x[~x.isnan().any(dim=1)]` are the others."
    )


def test_of_a_large_table_the_number_of_gaps_tells_of_a_header() -> None:
    x = torch.randn(100, 5)
    x[0] = torch.nan
    model = nn.Linear(5, 1)
    with gs.trace(model) as t:
        model(x).mean().backward()
    found = only(t)
    assert said(found.explanation).startswith(
        "In `x` (here) 5 of 500 numbers are NaN, as many as a row has. From there "
    )
    assert found.remedy == (
        "If the file begins with a header line, skip it: "
        "`numpy.genfromtxt(…, skip_header=1)`."
    )


def test_the_trap_is_named_once_for_all_steps() -> None:
    x = torch.tensor([torch.nan, 1.0])
    with gs.trace() as t:
        w = torch.ones((), requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for _ in range(3):
            loss = (w * x).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert kinds_of(t) == ["nan-input"]
    assert only(t).step == 0


def test_a_file_without_its_header_line_is_right() -> None:
    table = np.genfromtxt(io.StringIO(CSV), delimiter=",", skip_header=1)
    model = nn.Linear(1, 1)
    with gs.trace(model) as t:
        X = torch.from_numpy(table[:, :1]).float()
        F.mse_loss(model(X), torch.from_numpy(table[:, 1:]).float()).backward()
    assert kinds_of(t) == []


def test_gaps_that_a_mask_keeps_out_of_the_loss_are_right() -> None:
    x = torch.tensor([1.0, torch.nan, 3.0])
    with gs.trace() as t:
        w = torch.ones((), requires_grad=True)
        is_known = ~x.isnan()
        (w * torch.nan_to_num(x) * is_known).sum().backward()
    assert kinds_of(t) == []


def test_nan_that_is_computed_is_not_in_the_data() -> None:
    with gs.trace() as t:
        w = torch.tensor([-1.0, 4.0], requires_grad=True)
        w.sqrt().sum().backward()
    assert kinds_of(t) == ["nan"]


def test_nan_in_a_table_that_only_is_looked_at_is_no_trap() -> None:
    with gs.trace() as t:
        x = torch.tensor([1.0, torch.nan])
        x.isnan()
        x * 2
    assert kinds_of(t) == []
