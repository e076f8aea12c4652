"""What a gradient consists of, and what makes it larger than it should be."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.findings import find_all
from graphscope.analysis.why.size import explain_size
from graphscope.model.finding import Finding
from tests.analysis.trapping import said
from tests.why.programs import run_case


def size(tracing: Any, name: str, step: int = -1, *, alone: bool = False) -> Finding:
    """Ask what the gradient of a value consists of."""
    trace = tracing.steps[step].trace
    steps = None if alone else tracing.steps.recording
    return explain_size(Facts(trace.graph), trace, trace.resolve(name), steps)


def kinds(tracing: Any) -> list[str]:
    """Return the kinds of all that is found."""
    return [finding.kind for finding in find_all(tracing.steps.recording)]


def test_accumulation_without_dividing_tells_the_sum_and_the_mean() -> None:
    found = run_case("large_accumulation_modulo").only("undivided-accumulation")
    assert found.title == "The gradients of 4 backwards are added up and not divided"
    assert found.explanation == (
        "4 backwards (large_accumulation_modulo.py:16) come before one update, each of "
        "`loss` (large_accumulation_modulo.py:15), a mean. `if (i + 1) % "
        "accumulation_steps == 0` lets the update wait for them. At `0.weight` arrive "
        "gradients of norm 0.2844, 0.2532, 0.2637 and 0.3896, and the update uses "
        "their sum, one of norm 0.6705: the mean over all samples is 1/4 of it. So it "
        "is in all 2 steps."
    )
    assert found.remedy == (
        "Divide each loss by their number, `loss / 4`, before its backward "
        "(large_accumulation_modulo.py:16)."
    )
    assert found.numbers == (("backwards before the update", 4.0),)


def test_the_pieces_of_one_tensor_are_evidence_without_a_test_that_counts() -> None:
    found = run_case("large_accumulation_chunks").only("undivided-accumulation")
    assert "They are of 4 pieces of `target`." in found.explanation
    assert found.remedy == (
        "Divide each loss by their number, `error / 4`, before its backward "
        "(large_accumulation_chunks.py:10)."
    )


def test_the_scale_of_a_scaler_is_no_division() -> None:
    found = run_case("large_accumulation_modulo_scaler").only("undivided-accumulation")
    assert "each of `loss` (large_accumulation_modulo_scaler.py:12), a mean" in (
        found.explanation
    )


def test_a_sum_that_explodes_is_told_with_the_bounds_of_sum_and_mean() -> None:
    found = run_case("large_summed_loss").only("summed-loss")
    assert found.title == "The loss is the sum over 50 samples, and it explodes"
    assert found.explanation == (
        "`loss` (large_summed_loss.py:13) is 69.9746, 431.671, 3035.17 and 51142.59 in "
        "steps 0 to 3, about 9 times as much in each step as in the one before. "
        "`criterion(model(x), y)` (large_summed_loss.py:13) adds up 50 samples, so its "
        "gradient is 50 times that of their mean. Along the first update the gradient "
        "changes by 34.8722 for each unit of the way: gradient descent diverges from a "
        "learning rate of 2 / 34.8722 = 0.057 on, and it is 0.1. Of the mean it would "
        "diverge from 2.9 on."
    )
    assert found.remedy == (
        "Average the samples with `reduction='mean'` (large_summed_loss.py:13), or "
        "divide the learning rate by their number: 0.002."
    )


def test_a_learning_rate_that_is_too_large_for_the_mean_as_well_is_to_blame() -> None:
    x = torch.linspace(-1, 1, 4)
    w = torch.zeros((), requires_grad=True)
    # L'' = 2·Σx² = 4.4 for the sum, 1.1 for the mean: diverge from 0.45 and 1.8 on
    with gs.trace() as t:
        for _ in range(5):
            loss = ((w * x - 2 * x) ** 2).sum()
            loss.backward()
            with torch.no_grad():
                w -= 30.0 * w.grad  # type: ignore[operator]
            w.grad = None
    assert kinds(t) == ["learning-rate-too-large"]


def test_a_parameter_that_an_optimizer_holds_twice_is_blamed_on_its_line() -> None:
    found = run_case("large_repeated_parameter").only("repeated-parameter")
    assert found.title == "SGD holds `head.weight` and `head.bias` twice"
    assert found.explanation == (
        "SGD (large_repeated_parameter.py:23) was given `head.weight` and `head.bias` "
        "twice, so every step (large_repeated_parameter.py:28) updates them twice with "
        "the same gradient: they move 2 times as far as the others. So it is in all 2 "
        "steps."
    )


def test_a_backward_that_runs_twice_tells_both_lines() -> None:
    found = run_case("large_backward_twice").only("repeated-backward")
    assert found.explanation == (
        "Backward of `loss` (large_backward_twice.py:10) ran "
        "(large_backward_twice.py:12) and once more (large_backward_twice.py:14). Each "
        "time the same gradient arrived at `weight`, one of norm 0.4885, and nothing "
        "zeroed `.grad` in between: the update uses one of norm 0.977, 2 times as "
        "much. So it is in all 3 steps."
    )
    assert found.remedy == (
        "Call backward of `loss` once for each update, or zero the gradients in "
        "between."
    )


def _two_steps_without_zeroing() -> Any:
    w = torch.zeros((), requires_grad=True)
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    optimizer = torch.optim.SGD([w], lr=0.01)
    with gs.trace() as t:
        for _ in range(2):
            loss = ((w * x - 2 * x) ** 2).mean()
            loss.backward()
            optimizer.step()
    return t


def test_what_was_there_before_plus_what_arrived_is_what_is_shown() -> None:
    found = size(_two_steps_without_zeroing(), "w")
    # L′ = 15 (w − 2): −30 at w = 0, and −25.5 at w = 0.3
    assert found.kind == "missing-zero-grad"
    assert said(found.explanation) == (
        "Before backward (here) of step 1 the `.grad` of `w` is −30: the gradient of "
        "step 0, which its update (here) has used. Backward adds −25.5, and the update "
        "uses the sum, −55.5. `loss` (here) is the mean over 4 numbers. One path leads "
        "there."
    )
    assert dict(found.numbers) == {
        "norm of .grad before": 30.0,
        "norm that backward 1 brought": 25.5,
        "norm of .grad after": 55.5,
    }


def test_without_the_step_before_it_is_said_that_it_is_not_known() -> None:
    found = size(_two_steps_without_zeroing(), "w", alone=True)
    assert found.kind == "size"
    assert said(found.explanation).startswith(
        "To `w` (here), whose `.grad` still was −30 before, one backward (here) "
        "brought a gradient of −25.5: together it is −55.5."
    )
    (unknown,) = found.unknown
    assert unknown == (
        "Cannot tell which backward left the gradient that was there before step 1 "
        "because the step before was not looked at."
    )


def test_an_ordinary_gradient_is_one_backward_along_one_path() -> None:
    with gs.trace() as t:
        w = torch.tensor([3.0, 4.0], requires_grad=True)
        loss = (w * w.detach()).sum() / 2
        loss.backward()
    found = size(t, "w")
    # d/dw (w · c)/2 = c/2 with c = (3, 4): norm 2.5
    assert found.title == "The gradient of `w` is of norm 2.5"
    assert said(found.explanation) == (
        "To `w` (here), whose `.grad` was None before, one backward (here) brought a "
        "gradient of norm 2.5. One path leads there."
    )
    assert found.remedy == ""


def test_each_path_is_told_with_what_it_brings() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        a = w * 3
        b = w**2
        loss = a + b
        loss.backward()
    found = size(t, "w")
    # da/dw = 3, db/dw = 2w = 4
    assert said(found.explanation) == (
        "To `w` (here), whose `.grad` was None before, one backward (here) brought a "
        "gradient of 7. 2 paths lead there, and the gradient adds up: 3 from `w * 3` "
        "(here) and 4 from `w**2` (here)."
    )
    assert [[step.text for step in path] for path in found.paths] == [
        ["loss", "w * 3", "w"],
        ["loss", "w**2", "w"],
    ]
    assert [path[1].mark for path in found.paths] == ["brings 3", "brings 4"]


def test_paths_that_meet_further_up_are_told_where_they_meet() -> None:
    with gs.trace() as t:
        w = torch.tensor(1.0, requires_grad=True)
        h = w * 2
        loss = h + h.exp().log()
        loss.backward()
    found = size(t, "w")
    assert (
        "2 paths lead there, and the gradient of `h` (here), which is on all of "
        in (said(found.explanation))
    )


def test_a_tied_weight_is_one_tensor_with_several_names() -> None:
    found = size(run_case("large_healthy_residual_tied").tracing, "embed.weight")
    assert found.explanation.endswith(
        "`self.embed(tokens)` (large_healthy_residual_tied.py:16) and one of norm "
        f"{_out_norm(found)} from `self.out(h)` (large_healthy_residual_tied.py:19). "
        "It is one tensor, also called `out.weight`, and all of its uses count."
    )


def _out_norm(found: Finding) -> str:
    return found.paths[1][1].mark.removeprefix("brings one of norm ")


def test_a_sum_over_samples_is_always_told_with_what_the_mean_would_be() -> None:
    with gs.trace() as t:
        w = torch.tensor(1.0, requires_grad=True)
        x = torch.tensor([1.0, 2.0, 3.0, 4.0])
        loss = (w * x).sum()
        loss.backward()
    found = size(t, "w")
    assert said(found.explanation) == (
        "To `w` (here), whose `.grad` was None before, one backward (here) brought a "
        "gradient of 10. `loss` (here) is the sum over 4 samples, not their mean: of "
        "the mean the gradient would be 1/4 of it, 2.5. One path leads there."
    )
    assert said(found.remedy) == "Use `.mean()` (here) if the mean was meant."
    assert kinds(t) == []


def test_a_sum_that_is_divided_by_the_number_of_samples_is_a_mean() -> None:
    with gs.trace() as t:
        w = torch.tensor(1.0, requires_grad=True)
        x = torch.tensor([1.0, 2.0, 3.0, 4.0])
        loss = (w * x).sum() / len(x)
        loss.backward()
    found = size(t, "w")
    assert "not their mean" not in found.explanation
    assert found.remedy == ""


def test_two_losses_with_a_backward_each_are_told_one_by_one() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        one, other = w * 3, w**2
        one.backward()
        other.backward()
    found = size(t, "w")
    assert said(found.explanation) == (
        "To `w` (here), whose `.grad` was None before, 2 backwards (here and here) "
        "brought gradients of 3 and 4, which add up to 7. One path leads there."
    )


def test_the_gradient_of_a_value_that_is_no_leaf_is_taken_apart_too() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        h = w * 1
        loss = h * 3 + h**2
        loss.backward()
    assert said(size(t, "h").explanation) == (
        "To `h` (here) a gradient of 7 came. 2 paths lead there, and the gradient adds "
        "up: 3 from `h * 3` (here) and 4 from `h**2` (here)."
    )


def test_a_loop_over_tasks_with_a_print_every_few_steps_is_no_accumulation() -> None:
    assert run_case("large_healthy_per_task").findings == ()


def test_vector_jacobian_products_of_one_result_are_no_repeated_backward() -> None:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    with gs.trace() as t:
        y = w * torch.tensor([2.0, 3.0])
        y.backward(torch.tensor([1.0, 0.0]), retain_graph=True)
        y.backward(torch.tensor([0.0, 1.0]))
        optimizer.step()
    assert kinds(t) == []


def test_gradients_that_are_zeroed_between_two_backwards_count_once() -> None:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    with gs.trace() as t:
        loss = (w**2).mean()
        loss.backward(retain_graph=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert kinds(t) == []


def test_accumulated_sums_are_not_divided_again() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    with gs.trace(model) as t:
        for xs, ys in zip(x.chunk(2), y.chunk(2), strict=True):
            F.mse_loss(model(xs), ys, reduction="sum").backward()
        optimizer.step()
    assert kinds(t) == []
