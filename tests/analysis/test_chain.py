"""A chain rule's paths multiply and add up to what torch computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.chain import find_chain_rule
from graphscope.analysis.chain.model import ChainRule, Kind
from graphscope.errors import NotRecordedError


def explain(program: Callable[[], Any], leaf: str, root: str = "") -> ChainRule:
    """Run a program under a trace and return the chain rule in its last step.

    Without `root` it is about what backward started from.
    """
    with gs.trace() as t:
        program()
    trace = t.last.trace
    above = trace.resolve(root).id if root else trace.graph.roots[-1]
    return find_chain_rule(trace, trace.resolve(leaf).id, above)


def logistic() -> None:
    x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)  # noqa: E741 - the lecture's name
    l.backward()


def test_the_lectures_factors_stand_in_the_lectures_order() -> None:
    rule = explain(logistic, "w_1", "l")

    [path] = rule.paths
    factors = [f.jacobian.item() for f in path.factors if f.jacobian is not None]
    # du/dw_1 = x_1, dz/du = 1, da/dz = a(1 − a), dL/da = −1/a
    assert factors == pytest.approx([3.7, 1.0, 0.1131802, -1.149569])
    assert rule.total is not None
    assert rule.total == pytest.approx([-0.4814011])
    assert rule.autograd.is_close
    assert rule.kind is Kind.JACOBIANS


def test_running_products_are_the_gradients_on_the_way_back() -> None:
    rule = explain(logistic, "w_1", "l")

    [path] = rule.paths
    # dL/dw_1, dL/du, dL/dz, dL/da
    assert [p.item() for p in path.products] == pytest.approx(
        [-0.4814011, -0.1301084, -0.1301084, -1.149569]
    )


def mean_of_squares(x: torch.Tensor) -> torch.Tensor:
    y = x + 2
    return (2 * y * y).mean()


def used_twice(x: torch.Tensor) -> torch.Tensor:
    z = x * x
    return z.sum()


def broadcast(x: torch.Tensor) -> torch.Tensor:
    return (torch.ones(2, 3) * 2 + x).pow(2).sum()


def regularised(x: torch.Tensor) -> torch.Tensor:
    return (torch.tensor([1.0, 2.0, 3.0]) * x).sum() + 0.1 * x.pow(2).sum()


def fused_loss(x: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(x.reshape(1, 3), torch.tensor([2]))


def layer(x: torch.Tensor) -> torch.Tensor:
    weight = torch.arange(6.0).reshape(2, 3) / 7
    return F.linear(x.reshape(1, 3), weight, torch.ones(2)).tanh().prod()


def unbound(x: torch.Tensor) -> torch.Tensor:
    p, q, r = x
    out: torch.Tensor = p * q + torch.exp(r) * q
    return out


def norm(x: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = torch.softmax(x, 0).log().norm()
    return out


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (mean_of_squares, 2),
        (used_twice, 2),
        (broadcast, 1),
        (regularised, 2),
        (fused_loss, 1),
        (layer, 1),
        (unbound, 4),  # q is used twice
        (norm, 1),
    ],
)
def test_the_sum_over_the_paths_is_torchs_gradient(
    function: Callable[[torch.Tensor], torch.Tensor], count: int
) -> None:
    start = torch.tensor([0.3, -1.2, 0.8])

    def program() -> None:
        x = start.clone().requires_grad_()
        function(x).backward()

    rule = explain(program, "x")
    leaf = start.clone().requires_grad_()
    [expected] = torch.autograd.grad(function(leaf), leaf)

    assert rule.count == count
    assert rule.total is not None
    np.testing.assert_allclose(rule.total, expected.numpy(), rtol=1e-5, atol=1e-6)
    products = [path.product for path in rule.paths if path.product is not None]
    np.testing.assert_allclose(sum(products), rule.total, rtol=1e-12)
    assert rule.autograd.is_close


def test_a_seed_vector_multiplies_every_path() -> None:
    def program() -> None:
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        c = x * x
        c.backward(torch.tensor([0.1, 1.0, 0.001]))

    rule = explain(program, "x", "c")

    # v · 2x
    assert rule.total == pytest.approx([0.2, 4.0, 0.006])
    assert rule.autograd.is_close


def test_of_very_many_paths_the_strongest_ten_are_shown_and_the_rest_is_counted() -> (
    None
):
    def program() -> None:
        x = torch.tensor(0.5, requires_grad=True)
        y = x
        for _turn in range(16):
            y = 0.5 * y + 0.25 * y * y
        y.backward()

    rule = explain(program, "x", "y")

    assert rule.count == 3**16  # each turn uses y three times
    assert len(rule.paths) == 10
    strengths = [path.strength for path in rule.paths]
    assert strengths == sorted(strengths, reverse=True)
    # The strongest path takes the factor 0.5 in every turn.
    assert strengths[0] == pytest.approx(0.5**16)
    assert rule.rest is not None
    assert rule.total is not None
    shown = sum(p.product.item() for p in rule.paths if p.product is not None)
    assert shown + rule.rest.item() == pytest.approx(rule.total.item())
    assert rule.autograd.is_close


def test_fifty_one_paths_are_ten_and_fifty_are_all() -> None:
    def program(count: int) -> Callable[[], None]:
        def run() -> None:
            x = torch.tensor(2.0, requires_grad=True)
            total = x * 0
            for k in range(1, count):
                total = total + x * k
            total.backward()

        return run

    fifty = explain(program(50), "x")
    more = explain(program(51), "x")

    assert (fifty.count, len(fifty.paths), fifty.rest) == (50, 50, None)
    assert (more.count, len(more.paths)) == (51, 10)
    # 50 + 49 + … + 41 are shown, 0 + … + 40 = 820 are not
    assert more.rest is not None
    assert more.rest.item() == 820


def test_tensors_too_large_for_matrices_show_norms_and_shares() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(30, 20)

    def program() -> None:
        h = model(torch.randn(8, 30))
        loss = h.relu().mean() + 0.1 * model.weight.norm()
        loss.backward()

    rule = explain(program, "weight", "loss")

    assert rule.kind is Kind.NORMS
    assert rule.count == 2
    shares = [path.strength for path in rule.paths]
    assert sum(shares) == pytest.approx(1.0)
    assert model.weight.grad is not None
    assert rule.autograd.norm == pytest.approx(model.weight.grad.norm().item())


def test_two_backwards_through_one_root_are_told_apart_by_the_leaf() -> None:
    def program() -> None:
        w = torch.tensor(3.0, requires_grad=True)
        b = torch.tensor(1.0, requires_grad=True)
        l = (w * 2 + b) ** 2  # noqa: E741 - the lecture's name
        torch.autograd.grad(l, w, retain_graph=True)
        torch.autograd.grad(l, b)

    # dl/dw = 2 · 7 · 2, dl/db = 2 · 7
    assert explain(program, "w", "l").total == pytest.approx(28.0)
    assert explain(program, "b", "l").total == pytest.approx(14.0)


def test_one_backward_from_two_roots_is_one_run() -> None:
    def program() -> None:
        w = torch.tensor(3.0, requires_grad=True)
        p = w * 2
        q = p.exp() * 0.01
        torch.autograd.backward([p, q])

    rule = explain(program, "w", "q")

    # dq/dw = 0.01 e⁶ · 2; what arrived at w is 2 more, from p
    assert rule.total == pytest.approx(0.02 * np.exp(6.0))
    assert rule.autograd.is_close is None
    assert rule.autograd.reason == (
        "backward started from q and p together, and the gradient is of both"
    )
    assert rule.finite_difference.is_close


def test_two_backwards_of_separate_graphs_do_not_mix() -> None:
    def program() -> None:
        w = torch.tensor(3.0, requires_grad=True)
        first = w * 2
        second = w * 5
        first.backward()
        second.backward()

    assert explain(program, "w", "first").autograd.value == 2
    assert explain(program, "w", "second").autograd.value == 5
    assert explain(program, "w", "second").autograd.is_close


def test_the_derivative_of_a_scalar_on_the_way_starts_with_one() -> None:
    rule = explain(logistic, "w_1", "z")

    assert rule.total == pytest.approx([3.7])
    assert rule.autograd.reason == "backward started from l, not from z"


def test_a_vector_on_the_way_has_no_single_derivative() -> None:
    def program() -> None:
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = x * 3
        out = y.sum()
        out.backward()

    with pytest.raises(NotRecordedError) as caught:
        explain(program, "x", "y")
    assert str(caught.value) == (
        "y has 2 elements, and backward did not start from it but from out. Ask for "
        "the derivative of out, or look at t['y'].local."
    )


def test_a_hook_that_changes_the_gradient_is_named_where_the_product_differs() -> None:
    def program() -> None:
        x = torch.tensor(2.0, requires_grad=True)
        y = x * 3
        y.register_hook(lambda gradient: gradient * 10)
        out = y * 2
        out.backward()

    rule = explain(program, "x", "out")

    assert rule.total == pytest.approx(6.0)
    assert rule.autograd.value == 60
    assert rule.autograd.is_close is False
    assert rule.autograd.reason.startswith("a hook of yours may have changed")


def no_gradient() -> None:
    x = torch.tensor(2.0)
    w = torch.tensor(1.0, requires_grad=True)
    cut = w.detach() * 2
    out = x * w
    other = cut + 1
    out.backward()
    assert not other.requires_grad


@pytest.mark.parametrize(
    ("leaf", "root", "message"),
    [
        (
            "x",
            "out",
            (
                "x requires no gradient in step 0, so there is no chain rule for it. "
                "Ask for a parameter, or for a value computed from one."
            ),
        ),
        (
            "w",
            "other",
            (
                "No backward went through other in step 0, so no derivative of it is "
                "known. Ask for a value that backward() was called on."
            ),
        ),
        (
            "out",
            "out",
            "The derivative of out by itself is 1. Ask for that of a loss.",
        ),
    ],
)
def test_where_no_gradient_flowed_the_message_says_why(
    leaf: str, root: str, message: str
) -> None:
    with pytest.raises(NotRecordedError) as caught:
        explain(no_gradient, leaf, root)
    assert str(caught.value) == message


def test_a_checkpoint_is_one_path_through_its_second_run() -> None:
    from torch.utils.checkpoint import checkpoint

    def block(x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x) * 2

    def program() -> None:
        x = torch.tensor(0.5, requires_grad=True)
        checkpoint(block, x, use_reentrant=False).backward()

    rule = explain(program, "x")

    assert rule.count == 1
    # 2 cos 0.5
    assert rule.autograd.value == pytest.approx(1.755165)


def test_three_thousand_ops_in_a_row_are_explained_without_recursion() -> None:
    def program() -> None:
        x = torch.tensor(1.0, requires_grad=True)
        y = x
        for _turn in range(3_000):
            y = y * 1.0001
        y.backward()

    rule = explain(program, "x", "y")

    assert rule.count == 1
    assert len(rule.paths[0].factors) == 3_000
    assert rule.autograd.is_close


def test_a_graph_of_an_earlier_step_is_explained_as_far_as_it_is_known() -> None:
    def program() -> None:
        w = torch.tensor(2.0, requires_grad=True)
        v = torch.tensor(3.0, requires_grad=True)
        first = torch.optim.SGD([w], lr=0.1)
        second = torch.optim.SGD([v], lr=0.1)
        h = w * 5
        a = (h.detach() * v) ** 2
        a.backward()
        second.step()
        b = h * v
        first.zero_grad()
        b.backward()
        first.step()

    rule = explain(program, "h", "b")

    # v after its update: 3 − 0.1 · 2 · 10 · 30 = −57
    assert rule.total == pytest.approx(-57.0)
    with pytest.raises(NotRecordedError):
        explain(program, "w", "b")


def test_an_infinite_slope_is_not_multiplied_by_the_zeros_beside_it() -> None:
    def program() -> None:
        x = torch.tensor([0.0, 4.0], requires_grad=True)
        x.sqrt().sum().backward()

    rule = explain(program, "x")

    # 1 / (2√x)
    assert rule.total is not None
    assert rule.total.tolist() == [np.inf, 0.25]
    assert rule.autograd.is_close


def test_of_several_backwards_it_says_which_one_it_explains() -> None:
    def program() -> None:
        w = torch.tensor(2.0, requires_grad=True)
        for k in (1, 2):
            (w * k).backward()

    rule = explain(program, "w")

    assert rule.total == 2
    [note] = rule.notes
    assert note == (
        "A gradient reached w 2 times in this step; this is number 2. With it w.grad "
        "was 3."
    )


def test_what_a_layer_transposes_is_named_after_its_weight() -> None:
    model = torch.nn.Linear(2, 1)

    def program() -> None:
        model(torch.ones(1, 2)).sum().backward()

    rule = explain(program, "weight")

    assert [factor.inner for factor in rule.paths[0].factors] == ["", "weightᵀ", ""]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.cosine_similarity(x, torch.ones(2, 3)).sum(),
        lambda x: torch.outer(x[0], x[1]).sum(),
        lambda x: F.rms_norm(x, (3,)).square().sum() * 0.3 + x.sum(),
        lambda x: F.layer_norm(x * 0.01 + 5, (3,)).tanh().sum(),
    ],
    ids=["cosine_similarity", "outer", "rms_norm", "layer_norm"],
)
def test_an_op_of_many_nodes_multiplies_through_its_inside(
    function: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    start = torch.tensor([[0.3, -1.2, 0.8], [1.1, 0.4, -0.7]])

    def program() -> None:
        x = start.clone().requires_grad_()
        function(x).backward()

    rule = explain(program, "x")

    assert rule.autograd.is_close, rule.autograd
    assert rule.finite_difference.is_close, rule.finite_difference


def test_where_a_hook_changed_the_gradient_the_forward_agrees_with_the_paths() -> None:
    def program() -> None:
        x = torch.tensor(2.0, requires_grad=True)
        y = x * 3
        y.register_hook(lambda gradient: gradient * 10)
        out = y * 2
        out.backward()

    rule = explain(program, "x", "out")

    assert rule.autograd.is_close is False
    assert rule.finite_difference.is_close


def test_a_leaf_that_was_set_up_in_place_is_the_one_that_has_the_gradient() -> None:
    def program() -> None:
        w = torch.empty(2, requires_grad=True)
        torch.nn.init.ones_(w)
        with torch.no_grad():
            w *= 3
        (w * w).sum().backward()

    rule = explain(program, "w")

    # 2w
    assert rule.total is not None
    assert rule.total.tolist() == [6.0, 6.0]


def test_very_many_long_paths_take_seconds_not_minutes() -> None:
    def program() -> None:
        w = torch.tensor(0.5, requires_grad=True)
        h = w * 1
        for _turn in range(300):
            h = torch.sin(h) * w
        h.backward()

    rule = explain(program, "w")

    assert rule.count == 301
    assert len(rule.paths) == 10
    assert rule.autograd.is_close
