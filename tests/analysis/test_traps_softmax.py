"""Softmax or sigmoid applied twice, and programs that only look like it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from tests.analysis.trapping import findings_of, kinds_of, only, said

SCORES = [[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_softmax_before_cross_entropy_is_named_with_both_losses() -> None:
    labels = torch.tensor([0, 2])
    with gs.trace() as t:
        z = torch.tensor(SCORES, requires_grad=True)
        p = torch.softmax(z, dim=1)
        loss = F.cross_entropy(p, labels)
        loss.backward()
    found = only(t)
    assert found.kind == "softmax-twice"
    assert found.title == "softmax is applied twice"
    # p is [0.787, 0.1065, 0.1065] and [0.2119, 0.5761, 0.2119], and softmax of these:
    # log(e^0.787 + 2 e^0.1065) − 0.787 = 0.6995,
    # log(2 e^0.2119 + e^0.5761) − 0.2119 = 1.2354, in the mean 0.9674.
    # −log of the right ones of p: −log 0.787 = 0.2395, −log 0.2119 = 1.5514.
    assert said(found.explanation) == (
        "`p` is the result of softmax (here): probabilities. `F.cross_entropy(p, "
        "labels)` (here) takes scores and applies softmax itself, so it acts twice. "
        "The loss is 0.9674; −log of the probability of the right class is 0.8955."
    )
    assert said(found.remedy) == (
        "Leave out `torch.softmax(z, dim=1)` (here): give the loss the scores, `z`, "
        "and use softmax only to read off probabilities."
    )
    graph = t.last.trace.graph
    assert [graph.values[v].name for v in found.values] == ["p", "loss"]
    assert [graph.ops[o].name for o in found.ops] == ["cross_entropy", "softmax"]
    assert found.site == graph.ops[found.ops[0]].site


def test_a_softmax_layer_is_named_by_its_path_and_counted_over_steps() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3), nn.Softmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    x, y = torch.randn(9, 2), torch.arange(9) % 3
    with gs.trace(model) as t:
        for _ in range(5):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = only(t)
    assert (found.kind, found.step) == ("softmax-twice", 0)
    assert found.explanation.endswith(" So it is in all 5 steps.")
    assert found.remedy == (
        "Leave out the layer `3` (Softmax): give the loss the scores, the result of "
        "linear in `2`, and use softmax only to read off probabilities."
    )


def test_a_reshape_between_softmax_and_loss_hides_nothing() -> None:
    with gs.trace() as t:
        z = torch.randn(2, 3, 4, requires_grad=True)
        p = F.softmax(z, dim=-1).view(-1, 4)
        F.cross_entropy(p, torch.zeros(6, dtype=torch.int64)).backward()
    assert kinds_of(t) == ["softmax-twice"]


def test_typed_probabilities_look_like_what_they_are() -> None:
    label = torch.tensor([1])
    with gs.trace() as t:
        y_hat = torch.tensor([[0.83, 0.17]])
        F.cross_entropy(y_hat, label)
    found = only(t)
    assert found.title == "cross_entropy gets what looks like probabilities"
    # log(e^0.83 + e^0.17) − 0.17 = 1.07664, and −log 0.17 = 1.77196
    assert said(found.explanation) == (
        "`y_hat` (here) looks like probabilities: its 2 numbers lie between 0 and 1 "
        "and sum to 1. `F.cross_entropy(y_hat, label)` (here) takes scores and applies "
        "softmax itself. The loss is 1.0766; −log of the probability of the right "
        "class is 1.772."
    )
    assert found.remedy == (
        "Give the loss the scores from before softmax; where there are only "
        "probabilities, use nll_loss of their logarithm, `y_hat.log()`."
    )


def test_probabilities_computed_by_hand_are_known_by_their_sums() -> None:
    torch.manual_seed(0)
    with gs.trace() as t:
        z = torch.randn(4, 3, requires_grad=True)
        e = z.exp()
        p = e / e.sum(dim=1, keepdim=True)
        F.cross_entropy(p, torch.tensor([0, 1, 2, 0])).backward()
    assert kinds_of(t) == ["softmax-twice"]


def test_log_softmax_before_cross_entropy_changes_nothing_and_is_said_so() -> None:
    labels = torch.tensor([0, 2])
    with gs.trace() as t:
        z = torch.tensor(SCORES, requires_grad=True)
        log_p = F.log_softmax(z, dim=1)
        F.cross_entropy(log_p, labels).backward()
    found = only(t)
    assert found.title == "log_softmax is applied twice, which changes no number"
    assert said(found.explanation) == (
        "`log_p` is the result of log_softmax (here), and `F.cross_entropy(log_p, "
        "labels)` (here) applies log_softmax again. Of logarithms of probabilities "
        "that gives the same numbers: the loss is right, and computed twice."
    )


def test_nll_loss_of_probabilities_is_no_likelihood() -> None:
    labels = torch.tensor([0, 2])
    with gs.trace() as t:
        z = torch.tensor(SCORES, requires_grad=True)
        p = torch.softmax(z, dim=1)
        F.nll_loss(p, labels).backward()
    found = only(t)
    # −(e²/(e² + 2) + 1/(2 + e)) / 2 = −(0.78699 + 0.21194) / 2
    assert said(found.explanation) == (
        "`p` is the result of softmax (here): probabilities. `F.nll_loss(p, labels)` "
        "(here) expects their logarithms and only changes the sign of the entry of the "
        "right class. The loss is −0.4995; −log of the probability of the right class "
        "is 0.8955."
    )
    assert found.kind == "nll-of-probabilities"


def test_sigmoid_before_the_loss_with_logits_acts_twice() -> None:
    target = torch.tensor([1.0, 0.0])
    with gs.trace() as t:
        z = torch.tensor([0.0, 0.0], requires_grad=True)
        a = torch.sigmoid(z)
        F.binary_cross_entropy_with_logits(a, target).backward()
    found = only(t)
    # sigmoid(0.5) = 0.62246: −(log 0.62246 + log 0.37754) / 2 = 0.72408
    assert said(found.explanation) == (
        "`a` is the result of sigmoid (here): numbers from 0 to 1. "
        "`F.binary_cross_entropy_with_logits(a, target)` (here) takes scores and "
        "applies sigmoid itself, which makes numbers from 0.5 to 0.7311 of them. The "
        "loss is 0.7241; with sigmoid once it is 0.6931."
    )
    assert found.kind == "sigmoid-twice"


def test_a_sigmoid_layer_before_the_loss_with_logits_is_named() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    with gs.trace(model) as t:
        loss = nn.BCEWithLogitsLoss()(model(torch.ones(3, 2)), torch.ones(3, 1))
        loss.backward()
    assert only(t).remedy == (
        "Leave out the layer `1` (Sigmoid): give the loss the result of linear in `0`, "
        "or use binary_cross_entropy."
    )


def test_scores_into_cross_entropy_are_right() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(2, 3), torch.randn(6, 2)
    with gs.trace(model) as t:
        z = model(x)
        F.cross_entropy(z, torch.tensor([0, 1, 2, 0, 1, 2])).backward()
        p = torch.softmax(z, dim=1)
        p.argmax(dim=1)
    assert kinds_of(t) == []


def test_softmax_in_the_place_of_the_target_is_right() -> None:
    torch.manual_seed(0)
    with gs.trace() as t:
        student = torch.randn(4, 3, requires_grad=True)
        teacher = torch.softmax(torch.randn(4, 3), dim=1)
        F.cross_entropy(student, teacher).backward()
    assert kinds_of(t) == []


def test_logarithms_of_probabilities_are_right() -> None:
    with gs.trace() as t:
        y_hat = torch.tensor([[0.83, 0.17]])
        F.nll_loss(y_hat.log(), torch.tensor([1]))
        F.cross_entropy(y_hat.log(), torch.tensor([1]))
    assert kinds_of(t) == []


def test_attention_applies_softmax_long_before_the_loss() -> None:
    torch.manual_seed(0)
    values, head = torch.randn(5, 4), nn.Linear(4, 3)
    with gs.trace(head) as t:
        q = torch.randn(2, 4, requires_grad=True)
        weights = torch.softmax(q @ values.T, dim=-1)
        F.cross_entropy(head(weights @ values), torch.tensor([0, 2])).backward()
    assert kinds_of(t) == []


def test_sigmoid_with_its_own_loss_is_right() -> None:
    with gs.trace() as t:
        z = torch.tensor([0.3, -0.2], requires_grad=True)
        F.binary_cross_entropy(torch.sigmoid(z), torch.tensor([1.0, 0.0])).backward()
        F.binary_cross_entropy_with_logits(z, torch.tensor([1.0, 0.0])).backward()
    assert kinds_of(t) == []


@pytest.mark.parametrize(
    "scores",
    [
        [[1.0, 0.0], [0.0, 1.0]],  # scores of 1, or certain: nobody knows
        [[0.5, 0.5]],  # softmax changes nothing
        [[0.4, 0.5]],  # sums to 0.9
        [[2.0, -1.0]],  # sums to 1, but −1 is no probability
    ],
)
def test_scores_that_only_resemble_probabilities_are_left_alone(
    scores: list[list[float]],
) -> None:
    with gs.trace() as t:
        z = torch.tensor(scores)
        F.cross_entropy(z, torch.zeros(len(scores), dtype=torch.int64))
    assert findings_of(t) == ()


def test_one_computed_row_that_happens_to_sum_to_one_is_left_alone() -> None:
    with gs.trace() as t:
        w = torch.tensor([[0.4, 0.1]], requires_grad=True)
        F.cross_entropy(w * 2, torch.tensor([0])).backward()
    assert kinds_of(t) == []
