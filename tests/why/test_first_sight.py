"""What somebody reads who asks for the first time: true at a glance, said once."""

import torch
from torch import nn

import graphscope as gs
from tests.analysis.trapping import said


def test_a_parameter_stands_where_an_op_reads_it_not_where_it_was_zeroed() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gs.trace(model) as t:
        optimizer.zero_grad()
        code = model[0](torch.ones(3, 2)).detach()
        loss = model[1](code).mean()
        loss.backward()
        optimizer.step()
    (found,) = t.findings
    assert found.kind == "none-grad"
    begin = found.paths[0][0]
    assert begin.text == "0.weight"
    assert begin.site is not None
    assert begin.site.expression == "model[0](torch.ones(3, 2))"


def test_the_title_of_a_zero_names_the_call_and_a_norm_with_inf_is_infinite() -> None:
    with gs.trace() as t:
        w = torch.tensor([-1.0, -2.0], requires_grad=True)
        p = torch.relu(w)
        loss = torch.log(p).sum()
        loss.backward()
    found = t.why("w").findings[0]
    assert found.title == "The gradient of `w` is 0: it ends at `p`"
    assert "At `p` (here) a gradient of norm ∞ still arrives." in said(
        found.explanation
    )
    marks = [step.mark for path in found.paths for step in path]
    assert "gradient ∞" in marks
    assert [mark for mark in marks if "NaN" in mark] == []


def test_a_single_number_that_is_not_finite_is_said_as_it_is() -> None:
    with gs.trace() as t:
        w = torch.tensor([0.0, 0.0], requires_grad=True)
        loss = -torch.log(w).sum()
        loss.backward()
    assert t.why("loss").verdict == (
        "The gradient of `loss` is 1 in step 0, but `loss` itself is ∞."
    )


def test_labels_of_a_batch_have_no_gradient_because_they_are_integers() -> None:
    labels = torch.tensor([0, 1, 1, 0])
    with gs.trace() as t:
        w = torch.ones(2, 2, requires_grad=True)
        batch = labels[:2]
        loss = nn.functional.cross_entropy(w, batch)
        loss.backward()
    (found,) = t.why("batch").findings
    assert found.explanation == (
        "`batch` has no gradient in step 0. It is of dtype int64, and only floating "
        "numbers have one."
    )
    assert found.remedy == "Use a floating tensor, if it is to have a gradient."


def test_a_printed_finding_is_for_reading() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        loss = nn.functional.cross_entropy(
            torch.softmax(w[None], dim=1), torch.tensor([1])
        )
        loss.backward()
    (found,) = t.findings
    lines = str(found).splitlines()
    assert lines[0].startswith("step 0: softmax-twice: ")
    assert lines[1:] == [f"  {found.explanation}", f"  → {found.remedy}"]
