"""Updates that do nothing or too much, and what an update did to one parameter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.updates import UpdateCheck, explain_update
from graphscope.analysis.why.updates.freezing import is_evaluating
from graphscope.analysis.why.updates.schedules import find_schedule
from graphscope.errors import UnknownNameError
from graphscope.model.finding import Finding
from graphscope.model.site import Site
from graphscope.model.trace import Trace
from tests.why.programs import run_case

KINDS = {
    *("not-updated", "replaced-parameter", "zero-lr", "tiny-update", "huge-update"),
    *("clipped-to-nothing", "frozen-update"),
}


def found_in(run: Callable[[], Any]) -> list[Finding]:
    """Return what is found of updates in what `run` does."""
    torch.manual_seed(0)
    with gs.trace() as t:
        run()
    assert t.faults == {}
    return [finding for finding in t.findings if finding.kind in KINDS]


def step_of(name: str, step: int) -> Trace:
    """Return one step of a case."""
    trace: Trace = run_case(name).tracing.steps[step].trace
    return trace


def answer(name: str, step: int, parameter: str) -> Finding:
    """Explain what a step of a case did to a parameter."""
    trace = step_of(name, step)
    return explain_update(Facts(trace.graph), trace, parameter)


def train(
    model: Callable[[torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    steps: int,
    size: int = 4,
) -> None:
    """Train on random numbers."""
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, size)).pow(2).mean().backward()
        optimizer.step()


def test_what_is_not_in_the_optimizer_is_told_with_the_line_that_made_it() -> None:
    found = run_case("update_head_not_in_optimizer").only("not-updated")
    assert found.title == (
        "`classifier.weight` and `classifier.bias` are not in the optimizer"
    )
    assert found.explanation == (
        "Backward (update_head_not_in_optimizer.py:26) gives `classifier.weight` and "
        "`classifier.bias` gradients (for `classifier.weight` of norm 0.3592 in step "
        "0), but the SGD made at update_head_not_in_optimizer.py:19 does not hold "
        "them, and no other optimizer has run: no update moves them in 3 steps. It "
        "holds `features.0.weight` and `features.0.bias`."
    )
    assert found.remedy == (
        "Give `classifier.weight` and `classifier.bias` to the optimizer "
        "(update_head_not_in_optimizer.py:19) too, or freeze them with "
        "`requires_grad_(False)` if they were meant to stay as they are."
    )
    assert [name for name, _ in found.numbers] == [
        "norm of classifier.weight.grad",
        "norm of classifier.bias.grad",
    ]


def test_where_steps_are_missing_another_optimizer_may_have_run_in_them() -> None:
    steps = run_case("update_head_not_in_optimizer").tracing.steps
    whole, thinned = UpdateCheck(), UpdateCheck()
    for number in range(3):
        trace = steps[number].trace
        whole.see(trace, Facts(trace.graph))
        if number != 1:
            thinned.see(trace, Facts(trace.graph))
    assert [finding.unknown for finding in whole.finish()] == [()]
    (finding,) = thinned.finish()
    (doubt,) = finding.unknown
    assert doubt == (
        "Cannot tell whether another optimizer has run in the steps that are missing "
        "here."
    )


def test_layers_in_a_list_are_told_apart_by_their_shapes() -> None:
    found = run_case("update_layers_in_a_list").only("not-updated")
    assert found.title == (
        "`Linear.weight` [8, 4], `Linear.bias` [8], `Linear.weight` [8, 8] and "
        "`Linear.bias` [8] are not in the optimizer"
    )
    assert found.remedy == (
        "Keep the modules of these parameters in an `nn.ModuleList` or "
        "`nn.ModuleDict`: `parameters()` does not look into a plain list or dict."
    )


def test_what_was_replaced_is_told_with_both_shapes() -> None:
    found = run_case("update_fc_replaced").only("replaced-parameter")
    assert found.explanation == (
        "The SGD made at update_fc_replaced.py:19 holds a tensor f32[100, 4] that no "
        "op reads in 3 steps, and that gets no gradient. `fc.weight` is another "
        "tensor, f32[2, 4]: it took the place of that one after the optimizer was "
        "made. Backward (update_fc_replaced.py:27) gives it a gradient (of norm 0.175 "
        "in step 0), but no optimizer holds it, so no update moves it. It is the same "
        "with `fc.bias`."
    )
    assert found.remedy == (
        "Make the optimizer (update_fc_replaced.py:19) after the last assignment that "
        "replaces `fc.weight` and `fc.bias`, or give it the new ones with "
        "`add_param_group`."
    )


def test_a_schedule_that_is_over_early_is_told_with_its_line() -> None:
    found = run_case("update_schedule_reaches_zero").only("zero-lr")
    assert found.title == "The learning rate is 0 from step 4 on"
    assert found.explanation == (
        "Until step 3 the learning rate of the update of SGD "
        "(update_schedule_reaches_zero.py:19) is above 0, 0.025 at last; then the "
        "schedule (update_schedule_reaches_zero.py:11) has brought it down to 0, "
        "while the training goes on: the last 4 updates of 8 multiply the gradients "
        "by 0, and no parameter changes any more."
    )


def test_a_schedule_that_never_leaves_0_is_told_with_the_rate_that_it_began_from() -> (
    None
):
    found = run_case("update_warmup_in_integers").only("zero-lr")
    assert found.explanation == (
        "In all 5 steps the update of Adam (update_warmup_in_integers.py:25) "
        "multiplies the gradients by a learning rate of 0, so no parameter ever "
        "changes. The optimizer was made with 0.001, so it is the schedule "
        "(update_warmup_in_integers.py:17) that makes 0 of it."
    )
    assert found.remedy == (
        "Let the schedule (update_warmup_in_integers.py:17) return a factor above 0: "
        "`/` in place of `//`, or `(step + 1) / warmup`."
    )


def test_an_update_that_is_rounded_away_is_told_with_the_next_number() -> None:
    found = run_case("update_lr_far_too_small").only("tiny-update")
    # w's largest number is 2.1331: in [2, 4) the numbers of float32 are 2⁻²² apart
    assert found.explanation == (
        "The update of SGD (update_lr_far_too_small.py:18) runs 6 times with the "
        "learning rate 1.000e−10, and no number of any parameter changes. The "
        "gradient of `w` is not to blame: its norm is 0.6833 in step 0. Its largest "
        "number times the learning rate is 4.900e−11, while next to 2.1331, the "
        "largest number of `w`, the next one that float32 has is 2.400e−07 away: what "
        "is less than half of that is rounded away."
    )


def test_gradients_clipped_while_they_were_scaled_are_told_with_the_scale() -> None:
    found = run_case("update_clip_before_unscale").only("clipped-to-nothing")
    assert found.explanation.endswith(
        "The loss was multiplied by the scale 65536, and the gradients were still "
        "65536 times as large when they were clipped; divided by the scale "
        "afterwards, only this is left."
    )
    assert found.remedy == (
        "Call `scaler.unscale_(opt)` before the gradients are clipped."
    )


def test_parameters_that_an_evaluation_froze_are_told_with_its_line() -> None:
    found = run_case("update_evaluate_freezes").only("frozen-update")
    assert found.explanation == (
        "`encoder.weight` and `encoder.bias` were trained until step 1, and then "
        "frozen at update_evaluate_freezes.py:20, in `evaluate`, by `p.requires_grad "
        "= False`. The SGD (update_evaluate_freezes.py:25) holds them and goes on: "
        "from step 2 on it has passed them over in 4 updates, since what is frozen "
        "gets no gradient."
    )


def test_an_update_that_replaces_the_weights_is_told_with_the_losses() -> None:
    found = run_case("update_adam_lr_ten").only("huge-update")
    assert found.explanation == (
        "The first update of Adam (update_adam_lr_ten.py:14) with the learning rate "
        "10 changes `2.weight`, whose norm is 0.6379, by 40: 63 times its size, where "
        "about a thousandth is usual. Nothing is left of the numbers that it started "
        "from, and the loss, 2.1991 before it, is larger in every step after it: "
        "454.576, 5303.375 and 1447.216 in the next 3."
    )


@pytest.mark.parametrize(("steps", "kinds"), [(5, []), (6, ["not-updated"])])
def test_another_model_is_said_to_be_forgotten_only_after_some_steps(
    steps: int, kinds: list[str]
) -> None:
    def run() -> None:
        encoder, decoder = nn.Linear(4, 3), nn.Linear(3, 1)
        optimizer = torch.optim.SGD(decoder.parameters(), lr=0.1)
        train(lambda x: decoder(encoder(x)), optimizer, steps)

    assert [finding.kind for finding in found_in(run)] == kinds


def test_one_step_is_enough_where_the_rest_of_the_model_is_in_the_optimizer() -> None:
    def run() -> None:
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
        train(model, torch.optim.SGD(model[0].parameters(), lr=0.1), 1)

    (found,) = found_in(run)
    assert found.title == "`2.weight` and `2.bias` are not in the optimizer"
    assert "no update moves them in the only step." in found.explanation


def test_what_the_code_updates_by_hand_needs_no_optimizer() -> None:
    def run() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD([model.weight], lr=0.1)
        for _ in range(3):
            model(torch.randn(8, 4)).pow(2).mean().backward()
            optimizer.step()
            with torch.no_grad():
                model.bias -= 0.1 * model.bias.grad  # type: ignore[operator, misc]
            model.zero_grad()

    assert found_in(run) == []


def test_an_optimizer_that_runs_in_another_step_holds_it_too() -> None:
    def run() -> None:
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
        one = torch.optim.SGD(model[0].parameters(), lr=0.1)
        other = torch.optim.SGD(model[2].parameters(), lr=0.1)
        for turn in range(4):
            train(model, other if turn == 3 else one, 1)

    assert found_in(run) == []


def test_what_is_frozen_between_two_phases_is_a_choice() -> None:
    def run() -> None:
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        train(model, optimizer, 3)
        model[0].requires_grad_(False)
        train(model, optimizer, 3)

    assert found_in(run) == []


def test_a_single_update_with_a_rate_of_0_says_nothing() -> None:
    def run() -> None:
        model = nn.Linear(4, 1)
        train(model, torch.optim.SGD(model.parameters(), lr=0.0), 1)

    assert found_in(run) == []


def test_a_rate_of_0_without_a_schedule_is_that_of_the_optimizer() -> None:
    def run() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.0)
        train(model, optimizer, 2)

    (found,) = found_in(run)
    assert found.site is not None
    assert found.site.expression == "torch.optim.Adam(model.parameters(), lr=0.0)"
    assert found.remedy.endswith("a learning rate above 0.")


def test_one_group_may_have_a_rate_of_0() -> None:
    def run() -> None:
        model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1))
        groups: list[dict[str, Any]] = [
            {"params": model[0].parameters(), "lr": 0.0},
            {"params": model[1].parameters()},
        ]
        train(model, torch.optim.SGD(groups, lr=0.1), 4)

    assert found_in(run) == []


@pytest.mark.parametrize(("rate", "kinds"), [(1e-12, ["tiny-update"]), (1e-3, [])])
def test_of_large_layers_the_statistics_tell_whether_anything_changed(
    rate: float, kinds: list[str]
) -> None:
    def run() -> None:
        model = nn.Sequential(nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 32))
        train(model, torch.optim.SGD(model.parameters(), lr=rate), 3, size=32)

    assert [finding.kind for finding in found_in(run)] == kinds


def test_a_training_that_has_converged_did_move_something_before() -> None:
    def run() -> None:
        w = torch.full((4,), 2.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.5)
        for _ in range(60):
            optimizer.zero_grad()
            ((w - 1) ** 2).sum().mul(0.5).backward()
            optimizer.step()

    assert found_in(run) == []


def test_gradients_that_are_next_to_nothing_are_no_fault_of_the_update() -> None:
    def run() -> None:
        w = torch.ones(4, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (w * 1e-12).sum().backward()
            optimizer.step()

    assert found_in(run) == []


def test_large_updates_after_which_the_loss_is_small_are_none_of_our_business() -> None:
    def run() -> None:
        model = nn.Linear(4, 4)
        nn.init.normal_(model.weight, std=1e-3)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
        x = torch.randn(16, 4)
        for _ in range(6):
            optimizer.zero_grad()
            (model(x) - 3 * x).pow(2).mean().backward()
            optimizer.step()

    assert found_in(run) == []


def test_a_healthy_update_is_told_with_what_clipping_left() -> None:
    found = answer("update_healthy_clipping", 1, "rnn.weight_ih_l0")
    assert (found.kind, found.title) == ("updated", "`rnn.weight_ih_l0` was updated")
    # 0.01 · 0.1351 = 0.001351
    assert found.explanation == (
        "SGD (update_healthy_clipping.py:15) updates `rnn.weight_ih_l0` with the "
        "learning rate 0.01. The gradient that it uses is of norm 0.1351, changed by "
        "`torch.nn.utils.clip_grad_norm_(params, 0.5)` (update_healthy_clipping.py:14) "
        "from 109.642 that backward left. It changes `rnn.weight_ih_l0`, of norm "
        "0.9134, by 0.0014, which is 0.0015 of its size."
    )


@pytest.mark.parametrize(
    ("case", "step", "name", "kind", "end"),
    [
        (
            *("update_evaluate_freezes", 3, "encoder.weight", "frozen-update"),
            "frozen by `p.requires_grad = False` (update_evaluate_freezes.py:20).",
        ),
        (
            *("update_head_not_in_optimizer", 1, "classifier.bias", "not-updated"),
            "SGD holds `features.0.weight` and `features.0.bias`.",
        ),
        (
            *("update_lr_far_too_small", 2, "w", "tiny-update"),
            "It is too small to change any number of `w`: it is rounded away.",
        ),
        (
            *("update_clip_of_zero", 1, "weight", "clipped-to-nothing"),
            "from 1.2346 that backward left. So `weight` stays as it is.",
        ),
        (
            *("update_healthy_warmup_from_zero", 0, "weight", "zero-lr"),
            "With a rate of 0 `weight` stays as it is.",
        ),
        (
            *("update_lr_divided_to_zero", 1, "w", "zero-lr"),
            "It changes no number of it, since the learning rate is 0.",
        ),
        (
            *("update_weights_reset_in_training", 1, "weights", "replaced-parameter"),
            "is another one, which no optimizer of the step holds.",
        ),
        (
            *("update_bias_forgotten", 0, "y_hat", "not-updated"),
            "and is no parameter: updates change leaves that require a gradient.",
        ),
    ],
)
def test_why_a_parameter_was_not_changed(
    case: str, step: int, name: str, kind: str, end: str
) -> None:
    found = answer(case, step, name)
    assert (found.kind, found.explanation[-len(end) :]) == (kind, end)


def test_an_update_by_hand_is_one() -> None:
    with gs.trace() as t:
        w = torch.tensor([3.0, 4.0], requires_grad=True)
        (w * w).sum().backward()
        with torch.no_grad():
            w -= 0.25 * w.grad  # type: ignore[operator]
    trace = t.last.trace
    found = explain_update(Facts(trace.graph), trace, "w")
    # w − 0.25 · 2w = w / 2, so the norm 5 becomes 2.5
    assert found.explanation.endswith(
        "updates `w` by hand, with no optimizer. Its norm was 5 and is 2.5 after it."
    )


def test_nothing_is_told_of_a_name_that_the_step_does_not_have() -> None:
    with pytest.raises(UnknownNameError, match="No value is named 'nothing'"):
        answer("update_bias_forgotten", 0, "nothing")


def test_a_step_without_an_update_says_so() -> None:
    with gs.trace() as t:
        w = torch.ones(2, requires_grad=True)
        (w * w).sum().backward()
    trace = t.last.trace
    found = explain_update(Facts(trace.graph), trace, "w")
    assert found.explanation == (
        "Step 0 has no update: neither an optimizer nor code of yours changes `w` in "
        "it."
    )


SCHEDULED = """\
opt = SGD(model.parameters())
other = Adam(head.parameters())
schedule = lr_scheduler.StepLR(opt, 10)
second = StepLR(optimizer=other, step_size=3)
third = StepLR(other, 4)
"""


@pytest.mark.parametrize(("name", "line"), [("opt", 3), ("self.opt", 3), ("other", 0)])
def test_the_line_of_a_schedule_is_known_when_it_is_the_only_one(
    name: str, line: int
) -> None:
    update = Site("a.py", 9, 9, 0, 0, "<module>", f"{name}.step()")
    found = find_schedule({"a.py": SCHEDULED}, update)
    assert (0 if found is None else found.line) == line


@pytest.mark.parametrize(
    "function",
    ["evaluate", "Trainer.validate_epoch", "test", "test_net", "_sample", "f.eval"],
)
def test_code_that_evaluates_is_known_by_its_name(function: str) -> None:
    assert is_evaluating(Site("a.py", 1, 1, 0, 0, function, "p.requires_grad = False"))


@pytest.mark.parametrize(
    "function",
    ["train", "test_freezing", "retest", "evaluator", "contest", "<module>", "test.f"],
)
def test_other_code_is_not(function: str) -> None:
    site = Site("a.py", 1, 1, 0, 0, function, "p.requires_grad = False")
    assert not is_evaluating(site)
