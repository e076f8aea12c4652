"""Where the first NaN or Inf is born, of what, how it spreads, and the script of it."""

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.findings import find_all
from graphscope.analysis.why.nonfinite import explain_nonfinite, write_reproduction
from graphscope.analysis.why.nonfinite.script.calls import call_text
from graphscope.analysis.why.nonfinite.script.writing import Names, tensor_text
from graphscope.errors import NotRecordedError
from graphscope.model.finding import Finding
from graphscope.model.graph import Argument, Op, OpKind
from graphscope.model.trace import Trace
from tests.why.programs import Ran, case_names, is_healthy, question_of, run_case

DEMO = Path(__file__).parents[2] / "demos" / "live" / "nan_at_812.py"
KINDS = {"nan", "inf", "fp16-overflow"}


def run_script(text: str) -> str:
    """Run a reproduction in this process; return what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, "repro.py", "exec"), {"__name__": "__main__"})  # noqa: S102
    return printed.getvalue()


def only_birth(tracing: Any) -> Finding:
    """Return the one finding about NaN or Inf."""
    assert tracing.faults == {}
    births: list[Finding] = [f for f in tracing.findings if f.kind in KINDS]
    (found,) = births
    return found


def step_of(tracing: Any, finding: Finding) -> Trace:
    """Return the step that a finding is about."""
    steps: list[Trace] = [step.trace for step in tracing.steps]
    (found,) = (trace for trace in steps if trace.step == finding.step)
    return found


def rows(finding: Finding) -> list[list[tuple[str, int, str]]]:
    """Return the paths of a finding: text, line, mark."""
    return [
        [(row.text, row.site.line if row.site else 0, row.mark) for row in path]
        for path in finding.paths
    ]


def case_births(name: str) -> list[tuple[Ran, Finding]]:
    """Return the findings about NaN or Inf in a program."""
    ran = run_case(name)
    return [(ran, f) for f in ran.findings if f.kind in KINDS]


FAULTY = [
    name
    for name in case_names()
    if (question_of(name) == "nan" or "fp16" in name) and not is_healthy(name)
]


@pytest.mark.parametrize("name", FAULTY)
def test_the_script_of_every_program_shows_it_again(name: str) -> None:
    ((ran, finding),) = case_births(name)
    printed = run_script(write_reproduction(step_of(ran.tracing, finding), finding))
    assert "nan" in printed or "inf" in printed, printed


def test_log_of_zero_is_told_with_what_becomes_of_it() -> None:
    found = run_case("nan_policy_entropy").only("inf")
    assert found.title == "`log_p` becomes −∞: log(0)"
    assert found.explanation == (
        "In step 2, `log_p` (nan_policy_entropy.py:12) is −∞ in 4 of 6 numbers: log(0) "
        "is −∞, and `p` is 0 at [0, 0]. `p * log_p` (nan_policy_entropy.py:13) turns "
        "it into NaN: 0 · ∞ is NaN. From there it spreads: `loss` is NaN, and so are "
        "the gradients of `weight` and `bias`. The update (nan_policy_entropy.py:17) "
        "makes `weight` and `bias` NaN, and with them all that is computed from then "
        "on."
    )
    assert found.remedy == (
        "Take both in one step, which never rounds to log(0): "
        "`F.log_softmax(policy(state), dim=1)`."
    )
    assert found.numbers == (("p[0, 0]", 0.0), ("numbers that are Inf", 4.0))
    assert rows(found)[0] == [
        ("log_p = torch.log(p)", 12, "−∞ is born here"),
        ("p * log_p", 13, "NaN"),
        ("(p * log_p).sum(dim=1)", 13, "NaN"),
        ("(p * log_p).sum(dim=1).mean()", 13, "NaN"),
        ("entropy = -(p * log_p).sum(dim=1).mean()", 13, "NaN"),
        ("loss = -0.01 * entropy", 14, "NaN"),
    ]
    assert rows(found)[1][-1] == ("weight after Adam", 17, "NaN")


def test_where_sends_zero_into_an_infinite_derivative() -> None:
    ran = run_case("nan_where_log")
    found = ran.only("nan")
    assert found.title == "The gradient of `x` becomes NaN: 0 · ∞ at log′(0)"
    assert found.explanation == (
        "Backward of `torch.log(x)` (nan_where_log.py:7) gives `x` the gradient NaN in "
        "1 of 3 numbers: the gradient that arrives there is 0, because `where` "
        "(nan_where_log.py:7) does not take the result, and 0 · ∞ is NaN; the "
        "derivative of log, 1 / x, is infinite at 0, and `x` is 0 at [0]."
    )
    assert found.remedy == (
        "Choose before log too, so that it never sees such a number: "
        "`torch.log(torch.where(x > 0, x, 1.0))`."
    )
    assert write_reproduction(step_of(ran.tracing, found), found) == (
        "# Step 0 at nan_where_log.py:7: "
        "The gradient of `x` becomes NaN: 0 · ∞ at log′(0).\n"
        "\n"
        "import torch\n"
        "\n"
        "x = torch.tensor(0.0, requires_grad=True)\n"
        "t = torch.tensor(False)\n"
        "safe = torch.tensor(0.0)\n"
        "t_2 = torch.log(x)\n"
        "y = torch.where(t, t_2, safe)\n"
        "y.backward(torch.tensor(1.0))\n"
        'print("gradient of x =", x.grad)\n'
        "assert not torch.isfinite(x.grad).all()\n"
    )


def test_a_row_of_nothing_but_padding_is_left_out_too_late() -> None:
    found = run_case("nan_padded_attention").only("nan")
    assert found.explanation == (
        "`weights` (nan_padded_attention.py:20) is NaN in 9 of 18 numbers: every score "
        "in row [1, 0] of `scores` is −∞, so softmax divides 0 by 0. The loss does not "
        "take it, but backward of `weights @ v` (nan_padded_attention.py:21) computes "
        "with it, and even 0 · NaN is NaN. From there it reaches the gradients of "
        "`value.weight` and `value.bias`."
    )
    assert found.numbers[0] == ("rows of nothing but −∞", 3.0)


def test_the_layer_that_leaves_the_range_of_float16_is_named() -> None:
    found = run_case("trap_fp16_activations").only("fp16-overflow")
    assert found.title == "Layer `1` leaves the range of float16"
    assert found.explanation == (
        "`x * x` (trap_fp16_activations.py:9) is ∞ in 4 of 16 numbers: mul of `x` up "
        "to 299.5 is more than 65,504, the largest number of float16. From there it "
        "spreads: `loss` is −∞, and so is the gradient of `2.weight`. Before it layer "
        "`0` reaches 0.5 % of the range."
    )
    assert found.unknown == (
        "Cannot tell how close layer `2` is because what reaches it is not finite.",
    )
    assert dict(found.numbers)["layer `0`: largest / 65,504"] == 299.5 / 65504


def test_steps_that_are_skipped_for_ever_are_told_once_they_cannot_end() -> None:
    found = run_case("trap_fp16_never_stops_skipping").only("fp16-overflow")
    assert found.explanation.endswith(
        "The GradScaler has skipped all 5 steps so far, and a smaller scale does not "
        "help: it is not the scaled gradient that is too large."
    )


def test_the_scaler_of_the_healthy_program_does_skip_a_step() -> None:
    ran = run_case("nan_healthy_scaler_skips_once")
    assert not is_finite_run(ran.tracing)
    assert ran.findings == ()


def is_finite_run(tracing: Any) -> bool:
    """Whether no gradient that arrived in any step has a NaN or an Inf."""
    return all(
        seen is None or seen.stats is None or seen.stats.is_finite
        for step in tracing.steps
        for index, seen in enumerate(step.trace.observations)
        if step.trace.graph.slots[index].role == "arrived"
    )


def leaf(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, requires_grad=True)


def log_and_negative() -> torch.Tensor:
    x = leaf(0.0, -1.0)
    return torch.log(x).sum()


def one_number_standardised() -> torch.Tensor:
    x = leaf(3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = x / x.std()
    return y.sum()


def divided_by_its_norm() -> torch.Tensor:
    x = leaf(0.0, 0.0)
    y: torch.Tensor = x / x.norm()
    return y.sum()


def reciprocal_root() -> torch.Tensor:
    v = leaf(0.0, 1.0)
    y = torch.rsqrt(v)
    return y.sum()


def sigmoid_then_log() -> torch.Tensor:
    z = leaf(-200.0, 0.5)
    y = torch.log(torch.sigmoid(z))
    return y.sum()


def hypotenuse() -> torch.Tensor:
    x, y = leaf(0.0, 1.0), leaf(0.0, 1.0)
    return torch.hypot(x, y).sum()


def normalised_without_eps() -> torch.Tensor:
    x = leaf(1.0, 1.0, 1.0)
    y = F.layer_norm(x * 2, (3,), eps=0.0)
    return y.pow(2).sum()


def product_of_large_numbers() -> torch.Tensor:
    x = torch.full((2, 4), 1e20, requires_grad=True)
    y = x @ x.T
    return y.sum()


def equal_eigenvalues() -> torch.Tensor:
    m = torch.eye(2, requires_grad=True)
    _, y = torch.linalg.eigh(m)
    total: torch.Tensor = y.sum()
    return total


def determinant() -> torch.Tensor:
    m = torch.zeros(2, 2, requires_grad=True)
    return torch.logdet(m)


def no_alignment() -> torch.Tensor:
    z = torch.zeros(2, 1, 3, requires_grad=True)
    length = torch.tensor([2])
    scores, target = z.log_softmax(-1), torch.tensor([[1, 1]])
    y: torch.Tensor = F.ctc_loss(scores, target, length, length)
    return y


def negative_variance() -> torch.Tensor:
    x = torch.ones(2, 1, requires_grad=True)
    y = F.batch_norm(x, torch.zeros(1), torch.tensor([-1.0]))
    return y.sum()


def exp_of_bfloat16() -> torch.Tensor:
    x = torch.tensor([100.0], dtype=torch.bfloat16, requires_grad=True)
    return x.exp().float().sum()


def written_nan() -> torch.Tensor:
    y = leaf(0.0, 1.0) * 1
    y[0] = float("nan")
    return y.sum()


def a_hook() -> torch.Tensor:
    y = leaf(1.0, 2.0) * 2
    y.register_hook(lambda gradient: gradient / 0.0)
    return y.sum()


def masked_before_batch_norm() -> torch.Tensor:
    x = torch.ones(3, 1, requires_grad=True)
    masked = x.masked_fill(torch.tensor([[True], [False], [False]]), float("-inf"))
    y = F.batch_norm(masked, torch.zeros(1), torch.ones(1), training=True)
    return y.sum()


def gradient_written_by_hand() -> torch.Tensor:
    w = leaf(1.0, 2.0)
    optimizer = torch.optim.SGD([w], lr=0.1)
    (w * 2).sum().backward()
    assert w.grad is not None
    w.grad[0] = float("nan")
    optimizer.step()
    return w.sum()


def memory_that_was_only_reserved() -> torch.Tensor:
    torch.use_deterministic_algorithms(mode=True)  # torch fills it with NaN then
    x = torch.empty(3)
    torch.use_deterministic_algorithms(mode=False)
    return (leaf(1.0, 1.0, 1.0) * x).sum()


MECHANISMS: list[tuple[Callable[[], torch.Tensor], str, str]] = [
    (
        log_and_negative,
        "nan",
        "`torch.log(x)` becomes NaN: log of a negative number",
    ),
    (one_number_standardised, "nan", "`x.std()` becomes NaN: std of one number"),
    (divided_by_its_norm, "nan", "`y` becomes NaN: division by a norm of 0"),
    (reciprocal_root, "inf", "`y` becomes ∞: 1/√0"),
    (sigmoid_then_log, "inf", "`y` becomes −∞: log(0)"),
    (hypotenuse, "nan", "The gradient of `x` becomes NaN: hypot′(0, 0)"),
    (normalised_without_eps, "nan", "`y` becomes NaN: layer_norm without eps"),
    (product_of_large_numbers, "inf", "`y` becomes ∞: overflow of float32"),
    (equal_eigenvalues, "nan", "The gradient of `m` becomes NaN: equal eigenvalues"),
    (
        determinant,
        "inf",
        "`torch.logdet(m)` becomes −∞: log of a determinant that is 0",
    ),
    (
        no_alignment,
        "inf",
        "`y` becomes ∞: a target that does not fit",
    ),
    (negative_variance, "nan", "`y` becomes NaN: a negative variance"),
    (exp_of_bfloat16, "inf", "`x.exp()` becomes ∞: exp overflow"),
    (written_nan, "nan", "`y` holds NaN: setitem writes it"),
    (masked_before_batch_norm, "nan", "`y` becomes NaN: batch_norm of ∞"),
    (gradient_written_by_hand, "nan", "`w.grad` holds NaN: setitem writes it"),
    (
        memory_that_was_only_reserved,
        "nan",
        "`x` holds NaN: torch.empty writes nothing",
    ),
    (a_hook, "inf", "The gradient of `y` becomes ∞: a hook returns it"),
]


@pytest.mark.parametrize(
    ("program", "kind", "title"), MECHANISMS, ids=[m[0].__name__ for m in MECHANISMS]
)
def test_the_mechanism_is_named(
    program: Callable[[], torch.Tensor], kind: str, title: str
) -> None:
    with gs.trace() as t:
        program().backward()
    found = only_birth(t)
    assert (found.kind, found.title) == (kind, title)


@pytest.mark.parametrize(
    "program", [m[0] for m in MECHANISMS if m[0] not in (a_hook, written_nan)]
)
def test_the_mechanism_has_a_script(program: Callable[[], torch.Tensor]) -> None:
    with gs.trace() as t:
        program().backward()
    found = only_birth(t)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        printed = run_script(write_reproduction(step_of(t, found), found))
    assert "nan" in printed or "inf" in printed


class _Root(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.sqrt()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        twice: torch.Tensor = 2 * x.sqrt()
        return gradients[0] / twice


def test_in_a_backward_of_the_users_the_line_inside_is_to_blame() -> None:
    with gs.trace() as t:
        x = leaf(0.0, 1.0)
        _Root.apply(x).sum().backward()
    found = only_birth(t)
    assert found.title == "`gradients[0] / twice` becomes ∞: division by 0"
    assert found.explanation.endswith("From there it reaches the gradient of `x`.")


def test_numbers_that_nobody_kept_are_told_by_their_statistics() -> None:
    with gs.trace(whole=2) as t:
        x = leaf(0.0, 1.0, 2.0, 0.0)
        y = torch.log(x)
        loss = y.sum()
        loss.backward()
    found = only_birth(t)
    assert found.explanation.partition(": ")[2].startswith(
        "log(0) is −∞, and 2 of the 4 numbers of `x` are 0. From there it spreads: "
    )
    (unknown,) = found.unknown
    assert unknown == (
        "Cannot tell which numbers of `x` these are because only statistics of it "
        "were recorded."
    )
    with pytest.raises(NotRecordedError) as caught:
        write_reproduction(step_of(t, found), found)
    assert str(caught.value) == (
        "A script needs the numbers of 'x', f32[4], in step 0, of which the recording "
        "has only statistics: record with whole=4."
    )


def demo_run(tmp_path: Path) -> Any:
    """Run the live demo with its bad step early on."""
    source = DEMO.read_text(encoding="utf-8")
    script = tmp_path / "nan_at.py"
    text = source.replace("BAD_STEP = 812", "BAD_STEP = 3")
    script.write_text(text.replace("range(1000)", "range(6)"), encoding="utf-8")
    code = compile(script.read_text(encoding="utf-8"), str(script), "exec")
    state = torch.get_rng_state()
    with contextlib.redirect_stdout(io.StringIO()), gs.trace() as t:
        exec(code, {"__name__": "__main__"})  # noqa: S102 - our own demo
    torch.set_rng_state(state)
    return t


def test_the_live_demo_is_explained(tmp_path: Path) -> None:
    t = demo_run(tmp_path)
    (found,) = t.findings
    assert (found.kind, found.step) == ("inf", 3)
    assert found.explanation == (
        "In step 3, `log_p` (nan_at.py:18) is −∞ in 2 of 2 numbers: log(0) is −∞, and "
        "`p` is 0 at [0]. `p * log_p` (nan_at.py:19) turns it into NaN: 0 · ∞ is NaN. "
        "From there it spreads: `entropy` is NaN, and so is the gradient of `w`. The "
        "update (nan_at.py:22) makes `w` NaN, and with it all that is computed from "
        "then on."
    )


def test_a_parameter_is_explained_by_the_step_that_spoiled_it(tmp_path: Path) -> None:
    steps = [step.trace for step in demo_run(tmp_path).steps]
    last = steps[5]
    found = explain_nonfinite(Facts(last.graph), last, last.resolve("w"), steps)
    assert (found.kind, found.step) == ("inf", 3)
    assert found.explanation.endswith("Since then `w` is NaN, in step 5 too.")
    alone = explain_nonfinite(Facts(last.graph), last, last.resolve("w"))
    assert (alone.kind, alone.step) == ("nan", 5)
    assert alone.unknown == (
        "Cannot tell what made it NaN because it happened before the recording begins.",
    )


def test_steps_that_are_missing_leave_open_what_happened_in_them(
    tmp_path: Path,
) -> None:
    steps = [step.trace for step in demo_run(tmp_path).steps]
    (found,) = find_all([*steps[:2], *steps[4:]])
    assert (found.kind, found.step) == ("nan", 4)
    assert found.unknown == (
        "Cannot tell what made it NaN because steps 2 to 3 are not in the recording.",
    )


def test_what_is_finite_or_reaches_nothing_is_answered_too() -> None:
    with gs.trace() as t:
        scores = leaf(1.0, 2.0, 3.0)
        mask = torch.tensor([False, False, True])
        masked = scores.masked_fill(mask, float("-inf"))
        loss = torch.softmax(masked, dim=0)[0]
        loss.backward()
    trace = t.last.trace
    answers = {
        name: explain_nonfinite(Facts(trace.graph), trace, trace.resolve(name))
        for name in ("scores", "masked")
    }
    assert t.findings == ()
    assert answers["scores"].kind == "finite"
    assert answers["scores"].explanation == (
        "Neither `scores` nor its gradient holds NaN or Inf in step 0."
    )
    assert answers["masked"].kind == "harmless"
    assert answers["masked"].explanation.endswith(
        "is −∞ in 1 of 3 numbers: that is what masked_fill was told to write. It "
        "reaches no loss, no gradient and no parameter, so it does no harm."
    )


def test_a_loss_that_explodes_is_told_once() -> None:
    with gs.trace() as t:
        w = torch.tensor(1.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=40.0)
        x = torch.tensor([1.0, 2.0, 3.0])
        for _ in range(12):
            loss = ((w * x - 5 * x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert t.steps[-1].loss is not None
    assert not np.isfinite(t.steps[-1].loss)
    assert [found.kind for found in t.findings] == ["learning-rate-too-large"]


def test_what_one_step_computes_is_no_fault_of_the_data_of_the_next() -> None:
    data = torch.tensor([1.0, 1.0])
    with gs.trace() as t:
        x = (data - data.mean()) / data.std()
        w = torch.ones(2, requires_grad=True)
        for _ in range(3):
            loss = (w * x).sum()
            loss.backward()
            with torch.no_grad():
                w -= 0.1
            w.grad = None
    assert [(f.kind, f.step) for f in t.findings] == [("nan", 0)]


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64],
)
def test_tensors_are_written_to_the_bit(dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    numbers = torch.randn(2, 3, dtype=dtype)
    wide = numbers.float() if dtype is torch.bfloat16 else numbers
    name = str(dtype).removeprefix("torch.")
    text = tensor_text(wide.numpy(), name, requires_grad=True)
    again = eval(text, {"torch": torch})  # noqa: S307 - what we have written
    assert again.dtype is dtype
    assert again.requires_grad
    assert torch.equal(again, numbers)


@pytest.mark.parametrize(
    ("target", "name", "argument"),
    [
        ("torch.serialization.os.system", "system", Argument("", None, "'echo'")),
        ("torch.load", "load", Argument("", None, "'evil.pt'")),
        ("torch.log", "log", Argument("", None, "__import__('os').remove('x')")),
        ("torch.log", "log", Argument("x=print(1), y", None, "1")),
        ("torch.Tensor.log", "log", Argument("", None, "eps")),
    ],
)
def test_a_strangers_recording_puts_no_code_into_a_script(
    target: str, name: str, argument: Argument
) -> None:
    op = Op(0, name, target, OpKind.COMPUTE, (argument,), ())
    with pytest.raises(NotRecordedError, match="cannot call"):
        call_text(op, (), Names())
