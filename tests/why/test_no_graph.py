"""Backwards with nothing to go through: where the history ended, or never began."""

import pytest
import torch

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.no_graph import explain_no_graph
from tests.why.programs import run_case


def test_a_block_without_gradients_is_told_with_the_way_from_the_parameters() -> None:
    finding = run_case("nograph_no_grad_block").only("no-graph")

    assert finding.title == "`loss` has no history for backward: under no_grad"
    assert finding.explanation == (
        "`loss` (nograph_no_grad_block.py:11) has no grad_fn: nothing is recorded "
        "behind it that backward (nograph_no_grad_block.py:13) could go through. The "
        "way to it from `weight` and `bias` is cut at `model(x)` "
        "(nograph_no_grad_block.py:10): `with torch.no_grad():` "
        "(nograph_no_grad_block.py:9) switches gradients off for it."
    )
    assert finding.remedy == (
        "Move `model(x)` (nograph_no_grad_block.py:10) out of `with torch.no_grad():` "
        "(nograph_no_grad_block.py:9)."
    )
    assert [[(s.text, s.mark) for s in path] for path in finding.paths] == [
        [
            ("weight, bias", ""),
            ("output = model(x)", "under no_grad"),
            ("loss = nn.functional.mse_loss(output, y)", ""),
        ]
    ]


def test_a_decorator_around_the_caller_is_found() -> None:
    finding = run_case("nograph_decorator").only("no-graph")

    assert finding.explanation.endswith(
        "is cut at `self.layer(x)` (nograph_decorator.py:13): `@torch.no_grad()` "
        "(nograph_decorator.py:15) switches gradients off for it."
    )


def test_gradients_that_were_switched_off_for_good_are_told_with_the_call() -> None:
    finding = run_case("nograph_switched_off").only("no-graph")

    assert finding.explanation.endswith(
        "`torch.set_grad_enabled(False)` (nograph_switched_off.py:8) has switched "
        "gradients off for it."
    )
    assert finding.remedy == (
        "Call `torch.set_grad_enabled(True)` before `model(x)` "
        "(nograph_switched_off.py:9)."
    )


def test_without_a_leaf_that_learns_all_that_there_is_gets_listed() -> None:
    finding = run_case("nograph_no_leaf").only("no-graph")

    assert finding.title == (
        "`loss` has no history for backward: nothing requires a gradient"
    )
    assert finding.explanation == (
        "`loss` (nograph_no_leaf.py:11) has no grad_fn: nothing is recorded behind it "
        "that backward (nograph_no_leaf.py:13) could go through. Nothing that it is "
        "computed from requires a gradient: `x` (nograph_no_leaf.py:5), `w` "
        "(nograph_no_leaf.py:7) and `b` (nograph_no_leaf.py:8)."
    )
    assert finding.remedy == (
        "Pass `requires_grad=True` where `w` is made (nograph_no_leaf.py:7)."
    )


def test_a_model_that_is_frozen_as_a_whole_is_told_with_the_line() -> None:
    finding = run_case("nograph_frozen_model").only("no-graph")

    assert finding.explanation == (
        "`loss` (nograph_frozen_model.py:12) has no grad_fn: nothing is recorded "
        "behind it that backward (nograph_frozen_model.py:13) could go through. It is "
        "computed from 4 parameters, `0.weight`, `0.bias`, `2.weight` and `2.bias`, "
        "and all 4 are frozen, with requires_grad False: `param.requires_grad = False` "
        "(nograph_frozen_model.py:9) made it so."
    )


def test_a_leaf_that_asks_too_late_is_told_with_both_lines() -> None:
    finding = run_case("nograph_late").only("no-graph")

    assert finding.explanation.endswith(
        "When `x**2` (nograph_late.py:6) used `x`, it did not require a gradient yet: "
        "`x.requires_grad_()` (nograph_late.py:7) comes after it."
    )


def test_a_loop_without_a_round_leaves_the_loss_as_it_began() -> None:
    finding = run_case("nograph_empty_loop").only("no-graph")

    assert finding.explanation.endswith(
        "It is still what it began as: `total = total + model(batch).pow(2).mean()` "
        "(nograph_empty_loop.py:11) was not reached, because the loop `for batch in "
        "batches` ran no round (nograph_empty_loop.py:10)."
    )


def test_a_leaf_replaced_under_no_grad_is_told_with_the_replacement() -> None:
    finding = run_case("nograph_rebound").only("no-graph")

    assert finding.explanation.endswith(
        "The way to it from `w` is cut at `w - 0.01 * w.grad` (nograph_rebound.py:12): "
        "under no_grad it made a new tensor, which does not require a gradient, and "
        "`w` means that one from then on."
    )
    assert finding.remedy == (
        "Change `w` in place (nograph_rebound.py:12), with `-=` or `+=`."
    )


def test_a_penalty_on_a_gradient_needs_the_graph_of_the_gradient() -> None:
    finding = run_case("nograph_penalty").only("no-graph")

    assert finding.remedy == (
        "Add `create_graph=True` to `torch.autograd.grad(score, x)` "
        "(nograph_penalty.py:9)."
    )


def test_numbers_collected_in_a_list_are_followed_and_that_is_said() -> None:
    finding = run_case("nograph_item_list").only("no-graph")

    assert finding.explanation.endswith(
        "is cut at `loss.item()` (nograph_item_list.py:11): .item() takes a number out "
        "of torch, and Python arithmetic has no gradient."
    )
    assert finding.unknown == (
        "They were followed outside of torch by name (`losses`), not by a record.",
    )


def test_what_autograd_grad_is_asked_for_must_require_a_gradient() -> None:
    def run() -> None:
        x = torch.ones(3)
        w = torch.ones(3, requires_grad=True)
        torch.autograd.grad((x * w).sum(), x)

    tracing = gs.trace()
    with pytest.raises(RuntimeError, match="does not require grad"), tracing:
        run()
    finding = next(f for f in tracing.findings if f.kind == "no-graph")

    assert finding.explanation.startswith("`x` (test_no_graph.py:")
    assert "does not require a gradient, so none can be computed for it." in (
        finding.explanation
    )


def test_another_error_is_not_about_the_graph() -> None:
    ran = run_case("nograph_healthy_other_error")
    trace = ran.tracing.steps[0].trace

    assert isinstance(ran.error, ValueError)
    assert explain_no_graph(Facts(trace.graph), trace) is None
