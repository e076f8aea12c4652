"""Why a gradient is 0, vanishes or explodes: what is said, in full."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.findings import find_all
from graphscope.analysis.why.vanishing import explain_flow, explain_zero
from graphscope.model.finding import Finding
from tests.analysis.trapping import said
from tests.why.programs import run_case


def zero(tracing: Any, name: str) -> Finding:
    """Ask why the gradient of a value is 0 in the last step."""
    trace = tracing.last.trace
    return explain_zero(Facts(trace.graph), trace, trace.resolve(name))


def flow(tracing: Any, name: str) -> Finding:
    """Ask how the gradient of a value changes on its way in the first step."""
    trace = tracing.steps[0].trace
    steps = tracing.steps.recording
    return explain_flow(Facts(trace.graph), trace, trace.resolve(name), steps)


def kinds(tracing: Any) -> list[str]:
    """Return the kinds of all that is found."""
    return [finding.kind for finding in find_all(tracing.steps.recording)]


def test_a_staircase_is_named_with_what_arrives_and_who_gets_nothing() -> None:
    found = run_case("zero_round").only("zero-grad")
    assert found.title == (
        "No gradient passes `torch.round(count)`: it is flat between its jumps"
    )
    assert found.explanation == (
        "`torch.round(count)` (zero_round.py:16) sends 0 on: round is flat between its "
        "jumps, so its derivative is 0 whatever the numbers are. A gradient of norm "
        "2.7099 arrives there, and none goes on: the gradients of `fc1.weight`, "
        "`fc1.bias`, `fc2.weight` and `fc2.bias` are 0, and no update moves them. So "
        "it is in all 3 steps."
    )
    assert found.remedy == (
        "Leave round out while training, or let the gradient pass beside it: "
        "`count + (count.round() - count).detach()`."
    )


def test_a_softmax_over_one_output_is_always_1() -> None:
    found = run_case("zero_softmax_one_output").only("zero-grad")
    assert found.explanation == (
        "Softmax in `3` (zero_softmax_one_output.py:18) goes over axis 1 of the result "
        "of linear in `2`, which has the shape [12, 1]: one entry alone. Its result is "
        "always 1, whatever the number is, so the derivative is 0. A gradient of norm "
        "1.863e+11 arrives at `output` (zero_softmax_one_output.py:18), and none goes "
        "on: the gradients of `0.weight`, `0.bias`, `2.weight` and `2.bias` are 0, and "
        "no update moves them. So it is in all 2 steps."
    )
    assert found.remedy == (
        "For one output per sample use a sigmoid and binary_cross_entropy_with_logits; "
        "for several classes give the last layer as many outputs."
    )


def test_a_saturated_layer_is_told_with_the_numbers_that_go_into_it() -> None:
    found = run_case("zero_tanh_unscaled").only("zero-grad")
    assert found.explanation == (
        "`torch.tanh(hidden(incomes))` (zero_tanh_unscaled.py:12) is saturated: "
        "`hidden(incomes)` goes from −52988.164 to −87.0093. tanh gives exactly −1 "
        "there, and its derivative 1 − a² is rounded to 0 in float32. A gradient of "
        "norm 0.1749 arrives at `h` (zero_tanh_unscaled.py:12), and none goes on: the "
        "gradients of `hidden.weight` and `hidden.bias` are 0, and no update moves "
        "them. So it is in all 4 steps."
    )
    assert dict(found.numbers)["largest"] == pytest.approx(-87.0093, abs=1e-3)


def test_a_product_with_zeros_names_the_factor_and_the_way_of_the_gradient() -> None:
    found = run_case("zero_mask").only("zero-grad")
    assert found.title == (
        "The gradient of `embedding.weight` is always 0: mul multiplies by `mask`, "
        "which is 0"
    )
    assert found.explanation == (
        "The gradient of `embedding.weight` is 0 in all 4 steps that were looked at, "
        "from step 0 to step 3. `embedding(tokens) * mask` (zero_mask.py:20) "
        "multiplies `embedding(tokens)` by `mask` (zero_mask.py:19), which is 0 in all "
        "of its 15 numbers: the gradient of a factor is the other factor times what "
        "arrives."
    )
    assert found.remedy == (
        "Look at why `mask` is 0 everywhere; it was meant to have other numbers."
    )
    (path,) = found.paths
    assert [(step.text, step.mark) for step in path] == [
        ("loss", "gradient 1"),
        ("logits.flatten(0, 1)", "gradient 0.2469"),
        ("logits", "gradient 0.2469"),
        ("hidden", "gradient 0.1312"),
        ("embedding(tokens)", "0 from here on"),
        ("embedding.weight", ""),
    ]


def test_weights_that_hold_each_other_at_0_are_a_fault_in_the_first_step() -> None:
    found = run_case("zero_zero_init").only("zero-grad")
    assert found.title == (
        "The gradients of `fc1.weight`, `fc1.bias` and `fc2.weight` are always 0: "
        "linear multiplies by `fc2.weight`, which is 0"
    )
    assert found.explanation == (
        "The gradients of `fc1.weight`, `fc1.bias` and `fc2.weight` are 0 in step 0. "
        "`self.fc2(h)` (zero_zero_init.py:21) multiplies `h` by `fc2.weight` "
        "(zero_zero_init.py:21), which is 0 in all of its 8 numbers: the gradient of a "
        "factor is the other factor times what arrives. `self.fc2(h)` "
        "(zero_zero_init.py:21) multiplies `fc2.weight` by `h` (zero_zero_init.py:20), "
        "which is 0 in all of its 128 numbers: the gradient of a factor is the other "
        "factor times what arrives. No update moves `fc2.weight`, `fc1.bias` and "
        "`fc1.weight`, as each is 0 because of the others."
    )
    assert found.remedy == (
        "Start `fc2.weight` from small random numbers "
        "(`torch.nn.init.normal_(fc2.weight, std=0.01)`), not from zeros."
    )


def test_a_dead_relu_tells_the_share_of_zeros_layer_by_layer() -> None:
    found = run_case("zero_dead_relu").only("dead-relu")
    assert " Of `1` 57 % are 0, of `3` 100 %." in found.explanation
    assert dict(found.numbers) == {
        "share of zeros of `1`": pytest.approx(0.575),
        "share of zeros of `3`": 1.0,
    }


def test_a_gradient_that_vanishes_is_measured_from_layer_to_layer() -> None:
    found = run_case("zero_vanishing_sigmoids").only("vanishing-grad")
    assert found.title == (
        "The gradient vanishes on its way back through 10 layers to `layers.0.weight`"
    )
    assert found.explanation == (
        "At `out` (zero_vanishing_sigmoids.py:16), the last layer, the gradient has "
        "the norm 0.522; at `layers.0` (zero_vanishing_sigmoids.py:15) it has "
        "1.000e−09, × 0.13 from layer to layer: 0.522, 0.0763, 0.0074, 0.0011, "
        "1.350e−04, 1.900e−05, …. Most of it happens in the 10 calls of sigmoid, "
        "together × 7.100e−07; `torch.sigmoid(layer(x))` "
        "(zero_vanishing_sigmoids.py:15) does most. The derivative of sigmoid is at "
        "most 0.25."
    )
    assert found.remedy == (
        "Use an activation that does not shrink the gradient (`relu`) instead of "
        "sigmoid, or add what goes into a block to its result (a residual connection)."
    )
    names = [what for what, _ in found.numbers]
    assert names[:2] == ["gradient at `out`", "gradient at `layers.9`"]
    assert len(names) == 11


def test_weights_that_are_too_small_are_told_with_the_size_for_their_width() -> None:
    found = run_case("zero_vanishing_small_weights").only("vanishing-grad")
    assert found.remedy == (
        "Start from weights of another size: those of `8.weight` have the standard "
        "deviation 0.0096, too small for 10 inputs; `torch.nn.init.kaiming_normal_` "
        "takes √(2/10) = 0.45."
    )


def test_a_gradient_that_explodes_is_blamed_on_the_line_that_makes_it_grow() -> None:
    found = run_case("zero_exploding_init").only("exploding-grad")
    assert found.explanation == (
        "At `h @ last` (zero_exploding_init.py:12), the last layer, the gradient has "
        "the norm 8060; at `h @ w` (zero_exploding_init.py:11) it has 2.510e+07, × 5 "
        "from layer to layer: 8060, 45900, 204000, 1.000e+06, 5.090e+06, 2.510e+07. "
        "Most of it happens in the 5 calls of matmul, together × 22000; `h @ w` "
        "(zero_exploding_init.py:11) does most."
    )
    assert found.remedy == (
        "Start from weights of another size: those of `w` have the standard deviation "
        "1, too large for 50 inputs; `torch.nn.init.kaiming_normal_` takes √(2/50) = "
        "0.2."
    )


def test_a_factor_that_was_written_as_0_is_explained_but_no_fault() -> None:
    with gs.trace() as t:
        w = torch.ones(3, requires_grad=True)
        beta = 0.0
        loss = beta * w.sum()
        loss.backward()
    found = zero(t, "w")
    assert found.kind == "zero"
    assert said(found.explanation) == (
        "The gradient of `w` (here) is 0 in all of its 3 numbers. Backward begins at "
        "`loss` (here). `beta * w.sum()` (here) multiplies `w.sum()` by `beta`, which "
        "is 0: the gradient of a factor is the other factor times what arrives."
    )
    assert kinds(t) == []


def test_contributions_that_cancel_are_no_op_that_stops_the_gradient() -> None:
    with gs.trace() as t:
        w = torch.ones(3, requires_grad=True)
        loss = (w - w).sum() + 1
        loss.backward()
    found = zero(t, "w")
    assert said(found.explanation) == (
        "The gradient of `w` (here) is 0 in all of its 3 numbers. At `w` (here) 2 "
        "contributions arrive that are not 0 and add up to exactly 0: they cancel, or "
        "a hook of yours has set the sum to 0."
    )


def test_a_backward_that_begins_with_0_says_so() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        y = w * 2
        y.backward(torch.zeros(2))
    found = zero(t, "w")
    assert "Backward began at `y`" in found.explanation
    assert [step.mark for step in found.paths[0]] == ["0 from here on", ""]


def test_the_smaller_one_of_a_maximum_is_never_chosen() -> None:
    with gs.trace() as t:
        a = torch.zeros(3, requires_grad=True)
        b = torch.ones(3, requires_grad=True)
        loss = torch.maximum(a, b).sum()
        loss.backward()
    found = zero(t, "a")
    assert said(found.explanation).endswith(
        "`torch.maximum(a, b)` (here) takes nothing of `a`: `b` is larger in each of 3 "
        "places."
    )


def test_a_loss_that_is_right_has_nothing_to_ask_for() -> None:
    with gs.trace() as t:
        w = torch.ones(3, requires_grad=True)
        loss = F.l1_loss(w, torch.ones(3))
        loss.backward()
    found = zero(t, "w")
    assert (found.kind, found.remedy) == (
        "zero",
        "Nothing has to be done if these are the right answers.",
    )
    assert kinds(t) == []


def test_a_parameter_that_is_clamped_out_of_its_range_is_told_the_bounds() -> None:
    with gs.trace() as t:
        w = torch.tensor([3.0, -4.0], requires_grad=True)
        p = w.clamp(0, 1)
        loss = (p * torch.tensor([1.0, 2.0])).sum()
        loss.backward()
    found = zero(t, "w")
    assert said(found.explanation).endswith(
        "`w.clamp(0, 1)` (here) lets a gradient through only between 0 and 1, and `w` "
        "goes from −4 to 3: 1 of 2 numbers lie below and 1 above."
    )
    assert found.remedy == (
        "Bound it by something that is not flat (`torch.sigmoid`), or clamp `w.data` "
        "after the update instead of `w` in the forward."
    )


def test_where_two_ops_stop_the_gradient_both_are_told() -> None:
    with gs.trace() as t:
        w = torch.tensor([3.0], requires_grad=True)
        a, b = torch.round(w), torch.relu(-w)
        loss = (a + 2 * b).sum()
        loss.backward()
    found = zero(t, "w")
    names = {t.last.trace.graph.ops[op].name for op in found.ops}
    assert names == {"round", "relu"}
    assert len(found.paths) == 2


def test_columns_of_zeros_in_the_data_explain_columns_of_zeros_in_the_gradient() -> (
    None
):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    x = torch.randn(5, 4)
    x[:, 1] = x[:, 2] = 0
    with gs.trace(model) as t:
        F.mse_loss(model(x), torch.ones(5, 2)).backward()
    found = zero(t, "weight")
    assert found.title == "The gradient of `weight` is 0 in 4 of 8 numbers"
    assert said(found.explanation) == (
        "4 of 8 numbers of the gradient of `weight` (here) are 0. So are columns 1 and "
        "2, 2 of 4: `x` (here) has 0 there in all of its 5 rows."
    )


def test_rows_of_an_embedding_without_a_gradient_were_not_looked_up() -> None:
    torch.manual_seed(0)
    table = nn.Embedding(6, 2)
    with gs.trace(table) as t:
        ids = torch.tensor([1, 1, 3])
        table(ids).sum().backward()
    assert said(zero(t, "weight").explanation) == (
        "8 of 12 numbers of the gradient of `weight` (here) are 0. So are rows 0, 2, 4 "
        "and 5, 4 of 6: `ids` (here) looks up 2 rows in this step, and only these get "
        "a gradient."
    )


def test_units_that_are_off_for_all_samples_explain_their_rows() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(2, 4)
    with torch.no_grad():
        layer.bias[:2] = -100
    with gs.trace(layer) as t:
        h = torch.relu(layer(torch.randn(5, 2)))
        h.pow(2).mean().backward()
    assert said(zero(t, "weight").explanation).endswith(
        "So are rows 0 and 1, 2 of 4: `h` (here) is 0 for these units in all of its 5 "
        "rows."
    )


def test_without_statistics_it_is_not_said_why() -> None:
    with gs.trace(whole=1, stats=False) as t:
        w = torch.ones(4, requires_grad=True)
        loss = torch.round(w).sum()
        loss.backward()
    found = zero(t, "w")
    (unknown,) = found.unknown
    assert unknown == (
        "Cannot tell whether the gradient of `w` is 0 because its numbers were not "
        "recorded."
    )
    assert kinds(t) == []


def test_statistics_alone_are_enough_to_name_the_op() -> None:
    with gs.trace(whole=1) as t:
        w = torch.ones(4, requires_grad=True)
        loss = torch.round(w).sum()
        loss.backward()
    found = zero(t, "w")
    assert found.kind == "zero-grad"
    assert "`torch.round(w)`" in found.explanation


def test_a_value_that_no_backward_reached_has_no_gradient_that_is_0() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        v = torch.ones(2, requires_grad=True)
        unused = v * 2
        (w * 3).sum().backward()
    del unused
    assert said(zero(t, "v").explanation) == (
        "No backward of step 0 brought a gradient to `v` (here)."
    )


def _train_gate(steps: int, *, opens_at: int) -> Any:
    """Train a weight behind a gate that is closed until a step."""
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    with gs.trace() as t:
        for step in range(steps):
            gate = torch.full((3,), float(step >= opens_at))
            loss = ((w * gate).sum() - 1) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return t


def test_two_steps_of_zeros_may_be_chance() -> None:
    assert kinds(_train_gate(2, opens_at=9)) == []


def test_three_steps_of_nothing_else_are_told() -> None:
    (found,) = find_all(_train_gate(3, opens_at=9).steps.recording)
    assert found.kind == "zero-grad"
    assert said(found.explanation) == (
        "The gradient of `w` is 0 in all 3 steps that were looked at, from step 0 to "
        "step 2. `w * gate` (here) multiplies `w` by `gate` (here), which is 0 in all "
        "of its 3 numbers: the gradient of a factor is the other factor times what "
        "arrives."
    )


def test_a_gradient_that_comes_later_was_only_late() -> None:
    assert kinds(_train_gate(8, opens_at=7)) == []


def test_a_gate_that_closes_in_the_middle_of_the_training_is_found() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.01)
    with gs.trace() as t:
        for step in range(24):
            gate = torch.full((3,), float(step < 10))
            loss = ((w * gate).sum() - 5) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    (found,) = find_all(t.steps.recording)
    # all parameters are looked at in steps 0, 16, 32 …
    assert "in all 8 steps that were looked at, from step 16 to step 23" in (
        found.explanation
    )


def test_the_norms_over_the_steps_are_told_where_the_recording_is_given() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    norms = []
    with gs.trace(model) as t:
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            norms.append(float(torch.linalg.norm(model[0].weight.grad)))
            optimizer.step()
    found = flow(t, "0.weight")
    told = ", ".join(f"{norm:.3g} in step {i}" for i, norm in enumerate(norms[:2]))
    assert found.kind == "flow"
    assert found.title == ("The gradient on its way back through 1 layer to `0.weight`")
    assert found.explanation.endswith(
        f" The norm of the gradient of `0.weight` is {told} and {norms[2]:.3g} in step "
        "2."
    )


def test_without_layers_the_way_is_told_op_by_op() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        y = w * 3
        loss = y**2
        loss.backward()
    found = flow(t, "w")
    # y = 6, dL/dy = 2y = 12, dL/dw = 36
    assert said(found.explanation) == (
        "From `loss` (here) to `w` (here) the norm of the gradient goes from 1 to 36, "
        "over 2 operations."
    )
    assert [step.mark for step in found.paths[0]] == [
        "gradient 1",
        "gradient 12 (× 12)",
        "gradient 36 (× 3)",
    ]


def _deep(depth: int, optimizer: type[torch.optim.Optimizer] | None) -> Any:
    torch.manual_seed(0)
    layers = [m for _ in range(depth) for m in (nn.Linear(12, 12), nn.Sigmoid())]
    model = nn.Sequential(*layers, nn.Linear(12, 1))
    update = None if optimizer is None else optimizer(model.parameters(), lr=0.01)  # type: ignore[call-arg]
    x, y = torch.randn(8, 12), torch.randn(8, 1)
    with gs.trace(model) as t:
        for _ in range(3):
            model.zero_grad()
            F.mse_loss(model(x), y).backward()
            if update is not None:
                update.step()
    return t


@pytest.mark.parametrize("depth", [2, 4])
def test_a_few_sigmoids_shrink_a_gradient_but_it_does_not_vanish(depth: int) -> None:
    assert kinds(_deep(depth, torch.optim.SGD)) == []


def test_adam_makes_a_small_gradient_large_again_unless_it_is_below_its_epsilon() -> (
    None
):
    assert kinds(_deep(8, torch.optim.SGD)) == ["vanishing-grad"]
    assert kinds(_deep(12, torch.optim.Adam)) == ["vanishing-grad"]
    assert kinds(_deep(7, torch.optim.Adam)) == []


def test_growing_gradients_that_are_clipped_replace_no_weight() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(50, 50, requires_grad=True) for _ in range(5)]
    optimizer = torch.optim.SGD(weights, lr=0.01)
    with gs.trace() as t:
        h = torch.randn(8, 50)
        for w in weights:
            h = torch.relu(h @ w)
        loss = h.pow(2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    assert kinds(t) == []
