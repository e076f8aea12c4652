"""What is told of programs of some length, in full: the reason has to be true."""

from tests.why.programs import run_case


def _told(name: str, kind: str) -> tuple[str, str]:
    finding = run_case(name).only(kind)
    return finding.explanation.replace(f"{name}.py", "it.py"), finding.remedy.replace(
        f"{name}.py", "it.py"
    )


def test_a_distance_that_is_not_the_hardest_is_said_not_to_be_selected() -> None:
    explanation, remedy = _told("nan_triplet_distance", "nan")

    assert explanation == (
        "Backward of `torch.sqrt(d2)` (it.py:12) gives `d2` the gradient NaN in 12 of "
        "144 numbers: the gradient that arrives there is 0, because `(d * "
        "same.float()).max(1)` (it.py:18) does not select it and `(d + 1e3 * "
        "same.float()).min(1)` (it.py:19) does not select it, and 0 · ∞ is NaN; the "
        "derivative of sqrt, 1 / (2·√x), is infinite at 0, and `d2` is 0 at [0, 0]. "
        "From there it reaches the gradients of `weight` and `bias`. The update "
        "(it.py:31) makes `weight` and `bias` NaN, and with them all that is computed "
        "from then on."
    )
    assert remedy == "Keep it away from there: `torch.sqrt(d2 + 1e-12)`."


def test_the_places_that_max_returns_are_no_function_that_returned_none() -> None:
    explanation, remedy = _told("nograph_places_of_max", "no-graph")

    assert explanation == (
        "`loss` (it.py:26) has no grad_fn: nothing is recorded behind it that backward "
        "(it.py:27) could go through. The way to it from `conv.weight`, `conv.bias`, "
        "`fc.weight` and `fc.bias` is cut at `torch.max(x, 1)` (it.py:17): max gives "
        "places, whole numbers (int64), which have no derivative."
    )
    assert remedy == (
        "Compute the loss from the scores `x` themselves, or weight by "
        "`torch.softmax(x, dim=-1)` instead of taking one place (it.py:17)."
    )


def test_a_tensor_that_is_made_of_taken_numbers_is_to_be_left_out_too() -> None:
    _, remedy = _told("nograph_total_of_items", "no-graph")

    assert remedy == (
        "Use `(out - 1).pow(2)` itself instead of `(out - 1).pow(2).item()` "
        "(it.py:11), and `total / 5` without `torch.tensor` around it (it.py:12)."
    )


def test_a_gradient_that_is_read_through_an_attribute_is_that_of_a_result() -> None:
    explanation, remedy = _told("none_activation_kept_in_attribute", "none-grad")

    assert explanation == (
        "`model.activations` has no gradient in step 0. It is the result of "
        "`F.relu(self.c2(x))` (it.py:18), and backward keeps `.grad` only for leaves. "
        "The gradient that passed through it was of norm 0.1193. "
        "`model.activations.grad` (it.py:29) is None. `self.activations = x` "
        "(it.py:19) set `model.activations`."
    )
    assert remedy == "Call `x.retain_grad()` before the backward."


def test_a_gradient_that_was_used_two_steps_ago_is_known_again() -> None:
    explanation, remedy = _told("large_other_optimizer_zeroed", "missing-zero-grad")

    assert explanation == (
        "Before backward (it.py:24) of step 3 the `.grad` of `G.2.bias` is of norm "
        "0.2497: the gradient of step 1, which its update (it.py:25) has used. "
        "Backward adds one of norm 0.2508, and the update uses the sum, of norm "
        "0.5005. It is the same with `G.2.weight`, `G.0.bias` and `G.0.weight`."
    )
    assert remedy == "Write `opt_g.zero_grad()` before the backward (it.py:24)."


def test_a_cut_in_a_loop_is_told_once() -> None:
    explanation, _ = _told("none_data_of_each_row", "none-grad")

    assert explanation == (
        "`encoder.net.0.weight`, `encoder.net.0.bias`, `encoder.net.2.weight` and "
        "`encoder.net.2.bias` have no gradient in step 0. All 8 ways to `loss` "
        "(it.py:42) are cut at `self.net(row).data` (it.py:19): .data hands on the "
        "numbers without the history that backward follows."
    )


def test_relus_of_one_name_are_told_apart_by_their_lines() -> None:
    explanation, _ = _told("zero_bias_kills_two_layers", "dead-relu")

    assert explanation.endswith(
        "Of `x` (it.py:21) 100 % are 0, of `x` (it.py:22) 100 %. So it is in all 6 "
        "steps."
    )
