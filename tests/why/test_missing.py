"""Gradients that are None: what is said of one name, of a model, and of a run."""

from typing import Any

import torch
from torch import nn

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.missing import explain_missing, summarize_missing
from graphscope.model.finding import Finding, PathStep
from graphscope.model.trace import Trace
from tests.why.programs import Ran, run_case


def traced(ran: Ran, step: int) -> Trace:
    found: Trace = ran.tracing.steps[step].trace
    return found


def explain(name: str, about: str, step: int = 0) -> Finding:
    """Explain why something has no gradient in a step of a program."""
    trace = traced(run_case(name), step)
    return explain_missing(Facts(trace.graph), trace, about)


def rows(path: tuple[PathStep, ...]) -> list[tuple[str, str, str]]:
    """Return a path as text, place and mark."""
    return [
        (step.text, "" if step.site is None else step.site.short, step.mark)
        for step in path
    ]


def last_of(tracing: Any) -> Trace:
    found: Trace = tracing.steps[len(tracing.steps) - 1].trace
    return found


def test_a_detach_is_told_with_the_way_to_the_loss_and_the_line() -> None:
    finding = run_case("none_detach").only("none-grad")

    assert finding.title == "2 parameters got no gradient: cut by detach()"
    assert finding.explanation == (
        "`encoder.0.weight` and `encoder.0.bias` have no gradient in step 0. The way "
        "to `loss` (none_detach.py:23) is cut at `self.encoder(x).detach()` "
        "(none_detach.py:14): detach() hands on the numbers without the history that "
        "backward follows."
    )
    assert finding.remedy == (
        "Use `self.encoder(x)` itself instead of `self.encoder(x).detach()` "
        "(none_detach.py:14)."
    )
    assert [rows(path) for path in finding.paths] == [
        [
            ("encoder.0.weight", "none_detach.py:14", ""),
            ("linear in encoder.0", "none_detach.py:14", ""),
            ("self.encoder(x)", "none_detach.py:14", ""),
            (
                "code = self.encoder(x).detach()",
                "none_detach.py:14",
                "cut by detach()",
            ),
            ("output = self.decoder(code)", "none_detach.py:15", ""),
            ("output - data", "none_detach.py:23", ""),
            ("(output - data) ** 2", "none_detach.py:23", ""),
            ("loss = ((output - data) ** 2).mean()", "none_detach.py:23", ""),
        ]
    ]


def test_a_layer_that_nobody_calls_is_told_with_the_one_that_is_called_twice() -> None:
    finding = run_case("none_never_called").only("none-grad")

    assert finding.title == "2 parameters got no gradient: `self.fc2` is never called"
    assert finding.explanation == (
        "`fc2.weight` and `fc2.bias` have no gradient in step 0. No method of `Net` "
        "uses `self.fc2` (none_never_called.py:12) after it is made, so nothing in the "
        "step read it. `self.fc1` is called more than once: none_never_called.py:16 "
        "and none_never_called.py:17."
    )
    assert finding.remedy == "Call `self.fc2` in `Net.forward`, or leave it out."


def test_a_branch_that_is_not_taken_is_told_with_its_condition() -> None:
    finding = run_case("none_branch").only("none-grad")

    assert finding.title == (
        "2 parameters got no gradient: `if self.use_skip` not taken"
    )
    assert finding.explanation == (
        "`block.skip.weight` and `block.skip.bias` have no gradient in step 0. "
        "`self.skip` (none_branch.py:17) was not reached: the condition of `if "
        "self.use_skip` was not true (none_branch.py:16)."
    )


def test_a_return_before_the_use_is_told_with_the_condition_it_is_under() -> None:
    finding = run_case("none_early_return").only("none-grad")

    assert finding.explanation == (
        "`head_b.weight` and `head_b.bias` have no gradient in step 0. `self.head_b` "
        "(none_early_return.py:20) was not reached: `return a` "
        '(none_early_return.py:19), under `if self.task != "a+b"`, left the function '
        "before it."
    )


def test_a_loop_without_a_round_and_a_conditional_expression_are_told() -> None:
    loop = run_case("none_empty_loop").only("none-grad")
    ternary = run_case("none_ternary").only("none-grad")

    assert loop.explanation == (
        "`rest.0.weight`, `rest.0.bias`, `rest.1.weight` and `rest.1.bias` have no "
        "gradient in step 0. `self.rest` (none_empty_loop.py:15) was not reached: the "
        "loop `for layer in self.rest[2:]` ran no round (none_empty_loop.py:15)."
    )
    assert ternary.explanation == (
        "`key.weight` and `key.bias` have no gradient in step 0. `self.key` "
        "(none_ternary.py:16) was not reached: the condition of `self.query(x) if "
        "self.shared else self.key(x)` was true, and this is its `else` "
        "(none_ternary.py:16)."
    )


def test_no_grad_is_told_with_the_line_that_begins_the_block() -> None:
    finding = run_case("none_no_grad").only("none-grad")

    assert finding.explanation == (
        "`w1` has no gradient in step 0. The way to `loss` (none_no_grad.py:16) is cut "
        "at `x @ w1` (none_no_grad.py:14): `with torch.no_grad():` "
        "(none_no_grad.py:13) switches gradients off for it."
    )
    assert finding.remedy == (
        "Move `x @ w1` (none_no_grad.py:14) out of `with torch.no_grad():` "
        "(none_no_grad.py:13)."
    )


def test_a_decorator_is_told_as_what_switches_gradients_off() -> None:
    finding = run_case("none_inference_mode").only("none-grad")

    assert finding.explanation == (
        "`w` has no gradient in step 0. The way to `loss` (none_inference_mode.py:15) "
        "is cut at `x * w` (none_inference_mode.py:8): `@torch.inference_mode()` "
        "(none_inference_mode.py:6) switches gradients off for it."
    )
    assert finding.remedy == (
        "Leave out `@torch.inference_mode()` (none_inference_mode.py:6), or train with "
        "a function that is without it."
    )


def test_a_number_that_left_torch_is_followed_by_its_name_and_that_is_said() -> None:
    finding = run_case("none_item").only("none-grad")

    assert finding.explanation == (
        "`w` has no gradient in step 0. The way to `loss` (none_item.py:12) is cut at "
        "`w.item()` (none_item.py:10): .item() takes a number out of torch, and Python "
        "arithmetic has no gradient."
    )
    assert [rows(path)[:3] for path in finding.paths] == [
        [
            ("w = torch.tensor(0.5, requires_grad=True)", "none_item.py:7", ""),
            ("w.item()", "none_item.py:10", "cut by .item()"),
            ("slope * x", "none_item.py:11", ""),
        ]
    ]
    assert finding.unknown == (
        "They were followed outside of torch by name (`slope`), not by a record.",
    )


def test_numbers_that_go_through_numpy_are_cut_where_they_are_detached() -> None:
    finding = run_case("none_numpy").only("none-grad")

    assert finding.explanation == (
        "`embed.weight` and `embed.bias` have no gradient in step 0. The way to `loss` "
        "(none_numpy.py:26) is cut at `h.detach()` (none_numpy.py:16): detach() hands "
        "on the numbers without the history that backward follows, and NumPy keeps "
        "none."
    )
    assert finding.remedy == (
        "Compute with `h` (none_numpy.py:16) in torch instead of NumPy."
    )


def test_losses_collected_by_torch_tensor_are_to_be_stacked() -> None:
    finding = run_case("none_new_tensor").only("none-grad")

    assert finding.explanation == (
        "`weight` and `bias` have no gradient in step 0. All 4 ways to `loss` "
        "(none_new_tensor.py:13) are cut at `torch.tensor(losses)` "
        "(none_new_tensor.py:13): it copies the numbers into a new tensor, which has "
        "no history."
    )
    assert finding.remedy == (
        "Write `torch.stack(losses)` (none_new_tensor.py:13), which keeps it."
    )
    assert rows(finding.paths[-1]) == [("… 3 more ways", "", "")]


def test_a_new_leaf_in_place_of_the_loss_is_told_with_what_it_was_made_of() -> None:
    finding = run_case("none_variable_hack").only("none-grad")

    assert finding.explanation == (
        "`weight` and `bias` have no gradient in step 0. The way to `loss` is cut at "
        "`loss.data` (none_variable_hack.py:15): .data hands on the numbers without "
        "the history that backward follows."
    )


def test_argmax_and_a_cast_are_told_as_whole_numbers() -> None:
    argmax = run_case("none_requires_grad_hack").only("none-grad")
    cast = run_case("none_cast").only("none-grad")

    assert argmax.explanation == (
        "`0.weight` and `0.bias` have no gradient in step 0. The way to `loss` "
        "(none_requires_grad_hack.py:12) is cut at `outputs.argmax(dim=1)` "
        "(none_requires_grad_hack.py:11): argmax gives places, whole numbers (int64), "
        "which have no derivative."
    )
    assert cast.explanation == (
        "`levels` has no gradient in step 0. The way to `loss` (none_cast.py:8) is cut "
        "at `levels.long()` (none_cast.py:7): its result is of dtype int64, and only "
        "floating numbers have gradients."
    )


def test_a_function_that_returned_none_is_told_with_its_return() -> None:
    finding = run_case("none_custom_function").only("none-grad")

    assert finding.explanation == (
        "`scale` has no gradient in step 0. The way to `loss` "
        "(none_custom_function.py:20) is cut at `ScaledSquare.apply(x, scale)` "
        "(none_custom_function.py:20): `ScaledSquare.backward` "
        "(none_custom_function.py:15) returned None for `scale`, its input 2."
    )


def test_a_leaf_that_a_result_replaces_is_to_be_changed_in_place() -> None:
    finding = run_case("none_replaced").only("none-grad")

    assert finding.explanation == (
        "`w` has no gradient in step 0. `w` is no longer the leaf: `w = w - lr * "
        "w.grad` (none_replaced.py:13) made a new tensor that has the old one in its "
        "history, and `.grad` is kept only for leaves."
    )
    assert finding.remedy == (
        "Write `with torch.no_grad(): w -= lr * w.grad` (none_replaced.py:13), which "
        "changes the leaf itself."
    )


def test_a_result_keeps_no_gradient_unless_it_is_asked_to() -> None:
    read = run_case("none_intermediate").only("none-grad")
    inside = run_case("none_hidden_leaf").only("none-grad")

    assert read.explanation == (
        "`features` has no gradient in step 0. It is the result of `torch.relu(image @ "
        "weights)` (none_intermediate.py:7), and backward keeps `.grad` only for "
        "leaves. The gradient that passed through it was of norm 2.4495. "
        "`features.grad` (none_intermediate.py:10) is None."
    )
    assert read.remedy == "Call `features.retain_grad()` before the backward."
    assert inside.remedy == (
        "Make `w` the leaf: leave `requires_grad=True` out of `torch.randn(4, "
        "requires_grad=True) * 0.01` (none_hidden_leaf.py:5), and call "
        "`w.requires_grad_()` behind it."
    )


def test_a_retained_gradient_is_there() -> None:
    finding = explain("none_healthy_retained", "hidden.grad")

    assert finding.explanation == (
        "`hidden` has a gradient in step 0. The gradient came in the backward "
        "(none_healthy_retained.py:9): it is of norm 2.4495."
    )


def test_a_gradient_that_was_there_is_told_with_its_size_and_what_took_it() -> None:
    finding = run_case("none_zeroed_before_step").only("none-grad")

    ((what, norm),) = finding.numbers
    assert what == "norm of the gradient"
    assert finding.explanation == (
        "`weight` and `bias` have no gradient in step 0. The gradient came in the "
        f"backward (none_zeroed_before_step.py:11), of norm {norm:.4f}, and "
        "`opt.zero_grad()` (none_zeroed_before_step.py:12) set `.grad` to None before "
        "anything used it."
    )
    assert finding.remedy == (
        "Move `opt.zero_grad()` (none_zeroed_before_step.py:12) before the backward "
        "(none_zeroed_before_step.py:11)."
    )


def test_autograd_grad_returns_what_the_optimizer_waits_for() -> None:
    finding = run_case("none_autograd_grad").only("none-grad")

    assert finding.explanation == (
        "`weight` and `bias` have no gradient in step 0. `torch.autograd.grad` "
        "(none_autograd_grad.py:12) computed the gradient and returned it; it leaves "
        "`.grad` as it is. The optimizer reads `.grad` only."
    )
    by_hand = explain("none_healthy_by_hand", "w")
    assert by_hand.explanation == (
        "`w` has no gradient in step 0. `torch.autograd.grad` "
        "(none_healthy_by_hand.py:10) computed the gradient and returned it, as "
        "`grad_w`; it leaves `.grad` as it is."
    )


def test_without_any_backward_the_update_has_nothing_to_use() -> None:
    finding = run_case("none_no_backward").only("none-grad")

    assert finding.explanation == (
        "`0.weight`, `0.bias`, `2.weight` and `2.bias` have no gradient in step 0. No "
        "backward ran in the step, nor in any other, so `optimizer.step()` "
        "(none_no_backward.py:14) had nothing to use and changed nothing."
    )
    assert finding.remedy == (
        "Call `loss.backward()` before `optimizer.step()` (none_no_backward.py:14)."
    )


def test_what_does_not_lead_to_the_loss_is_followed_to_its_end() -> None:
    finding = run_case("none_unreached").only("none-grad")

    assert finding.explanation == (
        "`aux.weight` and `aux.bias` have no gradient in step 0. The numbers go as far "
        "as `aux_loss` (none_unreached.py:26), which nothing in the step reads; `loss` "
        "(none_unreached.py:25) is computed without them."
    )
    assert rows(finding.paths[0])[-1] == (
        "aux_loss = 0.4 * F.cross_entropy(aux_logits, y)",
        "none_unreached.py:26",
        "does not reach the loss",
    )


def test_drawing_without_rsample_and_a_reentrant_checkpoint_are_known() -> None:
    sample = run_case("none_sample").only("none-grad")
    checkpoint = run_case("none_checkpoint").only("none-grad")

    assert sample.remedy == (
        "Call `rsample()` instead of `sample()` (none_sample.py:15): it draws so that "
        "the gradient passes."
    )
    assert checkpoint.explanation.endswith(
        "The way to `loss` (none_checkpoint.py:13) is cut at `checkpoint(stem, x, "
        "use_reentrant=True)` (none_checkpoint.py:12): with `use_reentrant=True` a "
        "checkpoint passes gradients only if one of its inputs requires one."
    )


def test_a_frozen_parameter_is_told_with_the_line_that_froze_it() -> None:
    finding = explain("none_healthy_frozen_backbone", "backbone.0.weight.grad")

    assert finding.explanation == (
        "`backbone.0.weight` has no gradient in step 0. requires_grad is False, so "
        "backward computes nothing for it: `p.requires_grad = False` "
        "(none_healthy_frozen_backbone.py:19) made it so."
    )


def test_who_froze_a_parameter_before_the_recording_cannot_be_told() -> None:
    layer, head = nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 1)
    with gs.trace() as t:
        head(layer(torch.ones(1, 2))).sum().backward()
    trace = last_of(t)

    assert explain_missing(Facts(trace.graph), trace, "layer.weight").unknown == (
        "Cannot tell which line froze it: that was before the recording began.",
    )


def test_data_need_no_gradient() -> None:
    finding = explain("none_detach", "data")

    assert finding.explanation == (
        "`data` has no gradient in step 0. It does not require a gradient: a tensor "
        "does so only when that is asked for, and `torch.randn(16, 8)` "
        "(none_detach.py:20) does not ask."
    )


def test_a_gradient_of_round_is_zero_and_not_none() -> None:
    with gs.trace() as t:
        w = torch.tensor([1.2, 2.7], requires_grad=True)
        w.round().sum().backward()
    trace = last_of(t)
    finding = explain_missing(Facts(trace.graph), trace, "w")

    assert finding.title == "`w` has a gradient"
    assert "It is 0 and not None: the derivative of `w.round()`" in finding.explanation


def test_a_backward_that_raised_is_told_as_the_reason() -> None:
    finding = explain("inplace_residual", "0.fc1.weight")

    assert finding.title.endswith("the step ended before backward came so far")
    assert finding.remedy == "Mend that error first."


def test_inputs_of_a_backward_leave_out_the_others() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        v = torch.ones(2, requires_grad=True)
        (w * v).sum().backward(inputs=[w])
    trace = last_of(t)

    finding = explain_missing(Facts(trace.graph), trace, "v")
    assert finding.title == "`v` got no gradient: backward was asked for others only"


def test_what_is_used_only_behind_the_backward_is_told_so() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        v = torch.ones(2, requires_grad=True)
        w.sum().backward()
        (v * 2).sum().item()
    trace = last_of(t)

    finding = explain_missing(Facts(trace.graph), trace, "v")
    assert finding.title == "`v` got no gradient: used only after the backward"


class Several(nn.Module):
    """A model of which most gets no gradient, for different reasons."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        self.spare = nn.Linear(3, 3)
        self.fixed = nn.Linear(3, 3).requires_grad_(False)
        self.head = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        code = self.encoder(x).detach()
        out: torch.Tensor = self.head(self.fixed(code))
        return out


def test_a_model_is_summed_up_by_the_reason() -> None:
    model = Several()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gs.trace() as t:
        loss = model(torch.ones(2, 3)).sum()
        loss.backward()
        optimizer.step()
    trace = last_of(t)
    finding = summarize_missing(Facts(trace.graph), trace)

    assert finding is not None
    assert finding.title.startswith(
        "8 of 10 parameters got no gradient: 4 behind `self.encoder(x).detach()` at "
        "test_missing.py:"
    )
    assert finding.title.endswith(", 2 frozen (requires_grad is False), 2 never used")
    assert finding.numbers == (
        ("parameters without a gradient", 8.0),
        ("parameters", 10.0),
    )
    assert "`spare.weight`, `spare.bias`: No method of `Several` uses `self.spare`" in (
        finding.explanation
    )


def test_a_model_of_which_all_learns_has_no_summary() -> None:
    trace = traced(run_case("none_healthy_truncated"), 1)

    assert summarize_missing(Facts(trace.graph), trace) is None


def test_in_one_step_of_a_gan_the_generator_lies_behind_the_detach() -> None:
    ran = run_case("none_healthy_gan")
    trace = traced(ran, 0)
    finding = summarize_missing(Facts(trace.graph), trace)

    assert ran.findings == ()
    assert finding is not None
    assert finding.title == (
        "4 of 8 parameters got no gradient: 4 behind `fake.detach()` at "
        "none_healthy_gan.py:15"
    )


def test_many_ways_are_counted_and_one_is_shown_for_each_cut() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        h = w * 1
        for _ in range(10):  # 2 ** 10 ways through ten sums of two
            h = h * 2 + h * 3
        loss = (h.detach() + h.data).sum() + torch.ones(1, requires_grad=True).sum()
        loss.backward()
    trace = last_of(t)
    finding = explain_missing(Facts(trace.graph), trace, "w")

    assert finding.title == "`w` got no gradient: all ways to the loss are cut"
    assert [
        [step.mark for step in path if step.mark] for path in finding.paths[:-1]
    ] == [["cut by detach()"], ["cut by .data"]]
    # Two cuts, each behind 2 ** 10 ways; two of all are shown.
    assert rows(finding.paths[-1]) == [("… 2,046 more ways", "", "")]
