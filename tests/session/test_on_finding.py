"""`on_finding`: told once, as soon as the step is over, and never in the way."""

import copy
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

import graphscope as gs
from graphscope.analysis.findings import StepFinder, following
from graphscope.errors import CaptureError
from graphscope.model.finding import Finding
from graphscope.model.trace import Status

X = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
Y = torch.tensor([0, 1])


def leaf() -> Tensor:
    return torch.tensor([[0.5, -0.5], [-0.5, 0.5]], requires_grad=True)


def healthy(w: Tensor) -> Tensor:
    return F.cross_entropy(X @ w.T, Y)


def twice(w: Tensor) -> Tensor:
    p = F.softmax(X @ w.T, dim=1)
    return F.cross_entropy(p, Y)  # here


HERE = next(
    number
    for number, line in enumerate(Path(__file__).read_text("utf-8").splitlines(), 1)
    if line.endswith("# here")
)


def train(
    steps: int, loss_of: Callable[[int], Callable[[Tensor], Tensor]], log: list[Any]
) -> None:
    """Train a few steps; `log` has the number of each as it ends."""
    w = leaf()
    optimizer = torch.optim.SGD([w], lr=0.1)
    for step in range(steps):
        loss = loss_of(step)(w)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.append(step)


def train_and_fail() -> None:
    train(1, lambda _: twice, [])
    raise ZeroDivisionError


def test_a_callback_is_called_once_when_the_first_step_with_the_finding_is_over() -> (
    None
):
    log: list[Any] = []

    with gs.trace(on_finding=log.append) as t:
        train(3, lambda _: twice, log)

    assert [x.kind if isinstance(x, Finding) else x for x in log] == [
        0,
        "softmax-twice",
        1,
        2,
    ]
    assert log[1].site.line == HERE
    assert log[1].step == 0
    assert t.faults == {}


def test_what_is_only_in_the_last_step_is_told_at_the_end() -> None:
    log: list[Any] = []

    with gs.trace(on_finding=log.append):
        train(1, lambda _: twice, log)
        inside = list(log)

    assert inside == [0]
    assert [x.kind for x in log[1:]] == ["softmax-twice"]


def test_raise_stops_the_training_at_the_next_call_and_names_the_line() -> None:
    log: list[Any] = []

    with (
        pytest.raises(gs.FindingError) as caught,
        gs.trace(on_finding="raise") as t,
    ):
        train(3, lambda _: twice, log)

    assert log == [0]
    assert caught.value.finding.kind == "softmax-twice"
    assert str(caught.value).splitlines()[0] == (
        f"softmax is applied twice (test_on_finding.py:{HERE})"
    )
    inner = caught.traceback[-1]
    assert inner.path == Path(__file__)
    assert t.steps[0].trace.status is Status.COMPLETE
    assert t.steps[-1].trace.error.startswith("FindingError: softmax is applied twice")
    assert "\n" not in t.steps[-1].trace.error
    assert t.faults == {}


def test_raise_comes_at_the_end_of_the_block_at_the_latest() -> None:
    log: list[Any] = []

    def run() -> None:
        with gs.trace(on_finding="raise"):
            train(1, lambda _: twice, log)
            log.append("still inside")

    with pytest.raises(gs.FindingError):
        run()
    assert log == [0, "still inside"]


def test_another_exception_on_its_way_is_not_replaced() -> None:
    with pytest.raises(ZeroDivisionError) as caught, gs.trace(on_finding="raise"):
        train_and_fail()

    assert caught.value.__context__ is None


def test_a_step_by_hand_that_fails_raises_its_own_exception() -> None:
    with (
        pytest.raises(ZeroDivisionError) as caught,
        gs.trace(on_finding="raise"),
        gs.step(),
    ):
        train_and_fail()

    assert caught.value.__context__ is None


def test_after_a_step_by_hand_the_finding_is_raised_at_its_end() -> None:
    log = []

    def run() -> None:
        with gs.trace(on_finding="raise"):
            with gs.step():
                twice(leaf()).backward()
                log.append("in the step")
            log.append("after it")

    with pytest.raises(gs.FindingError):
        run()
    assert log == ["in the step"]


def test_a_caught_finding_is_not_raised_again() -> None:
    log: list[Any] = []

    with gs.trace(on_finding="raise") as t:
        with pytest.raises(gs.FindingError):
            train(3, lambda _: twice, log)
        train(2, lambda _: twice, log)

    assert log == [0, 0, 1]
    assert t.faults == {}


def test_training_in_an_exception_handler_is_stopped_too() -> None:
    def run() -> None:
        try:
            import nothing_of_this_name  # type: ignore[import-not-found]  # noqa: F401
        except ImportError:
            with gs.trace(on_finding="raise"):
                train(3, lambda _: twice, log)

    log: list[Any] = []
    with pytest.raises(gs.FindingError):
        run()
    assert log == [0]


def test_while_an_exception_is_handled_inside_the_finding_waits() -> None:
    log: list[Any] = []

    def run() -> None:
        with gs.trace(on_finding="raise"):
            try:
                int("no number")
            except ValueError:
                train(2, lambda _: twice, log)
            torch.zeros(1)
            log.append("not reached")

    with pytest.raises(gs.FindingError):
        run()
    assert log == [0, 1]


def test_warn_points_at_the_line_that_is_to_blame() -> None:
    log: list[Any] = []

    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        with gs.trace(on_finding="warn"):
            train(3, lambda _: twice, log)

    (warning,) = given
    assert warning.category is gs.FindingWarning
    assert (warning.filename, warning.lineno) == (__file__, HERE)
    assert str(warning.message).startswith("softmax is applied twice")
    assert isinstance(warning.message, gs.FindingWarning)
    assert warning.message.finding.kind == "softmax-twice"
    assert log == [0, 1, 2]


def test_where_warnings_are_errors_warn_raises_at_the_next_call() -> None:
    log: list[Any] = []

    with pytest.raises(gs.FindingWarning), gs.trace(on_finding="warn") as t:
        train(3, lambda _: twice, log)

    assert log == [0]
    assert t.faults == {}


def test_warn_replaces_no_exception_even_where_warnings_are_errors() -> None:
    with pytest.raises(ZeroDivisionError) as caught, gs.trace(on_finding="warn"):
        train_and_fail()

    assert caught.value.__context__ is None


def test_a_callback_that_fails_is_told_of_once_and_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(finding: Finding) -> None:
        raise ZeroDivisionError(finding.kind)

    log: list[Any] = []
    with gs.trace(on_finding=fail) as t:
        train(3, lambda _: twice, log)

    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == (
        "graphscope: on_finding failed for 'softmax-twice' in step 0 and was ended; "
        "training goes on."
    )
    assert last == "ZeroDivisionError: softmax-twice"
    assert log == [0, 1, 2]
    assert (t.faults, len(t)) == ({}, 3)


def test_sys_exit_in_a_callback_ends_the_program() -> None:
    with pytest.raises(SystemExit), gs.trace(on_finding=lambda _: sys.exit(4)):
        train(3, lambda _: twice, [])


def test_what_a_callback_computes_is_not_recorded_and_needs_no_gradient() -> None:
    seen = []

    def look(_: Finding) -> None:
        seen.append((leaf() * 2).sum().requires_grad)

    def ops_of(**options: Any) -> list[int]:
        with gs.trace(**options) as t:
            train(2, lambda _: twice, [])
        return [len(step.trace.graph.ops) for step in t.steps]

    assert ops_of(on_finding=look) == ops_of()
    assert seen == [False]


def test_nothing_of_the_training_is_other_with_it() -> None:
    def result(**options: Any) -> list[float]:
        torch.manual_seed(0)
        w = torch.rand(2, 2, requires_grad=True)
        optimizer = torch.optim.Adam([w], lr=0.1)
        with gs.trace(**options):
            for _ in range(6):
                loss = twice(w + torch.randn(2, 2))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return [*w.flatten().tolist(), torch.rand(()).item()]

    assert result(on_finding=lambda _: torch.rand(3).sum()) != result()
    assert result(on_finding=lambda _: None) == result()


def test_a_recording_tells_too_and_its_file_is_complete(tmp_path: Path) -> None:
    log: list[Any] = []

    with gs.record(tmp_path / "run.gscope", on_finding=log.append) as run:
        train(3, lambda _: twice, log)

    assert [x.kind if isinstance(x, Finding) else x for x in log] == [
        0,
        "softmax-twice",
        1,
        2,
    ]
    assert (len(gs.load(tmp_path / "run.gscope")), run.faults) == (3, {})


def test_a_recording_that_raises_at_its_end_is_closed_before(tmp_path: Path) -> None:
    path = tmp_path / "run.gscope"

    with pytest.raises(gs.FindingError), gs.record(path, on_finding="raise"):
        train(1, lambda _: twice, [])

    with gs.load(path) as loaded:
        assert (len(loaded), loaded.error) == (1, "")


@pytest.mark.parametrize("wrong", ["print", "", 3, True])
def test_an_unknown_on_finding_is_refused_before_anything_runs(wrong: Any) -> None:
    with pytest.raises(CaptureError, match="give 'raise', 'warn' or a function"):
        gs.trace(on_finding=wrong)


def test_error_and_warning_can_be_copied_with_their_finding() -> None:
    finding = Finding("softmax-twice", "softmax twice", "It is.", "Leave it out.", 0)
    for made in (gs.FindingError("text", finding), gs.FindingWarning("text", finding)):
        again = copy.copy(made)
        assert (str(again), again.finding) == ("text", finding)


def looked_at(
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
    loss_of: Callable[[int], Callable[[Tensor], Tensor]] = lambda _: healthy,
) -> list[int]:
    """Return the numbers of the steps that were looked at.

    Step 0 makes the parameter too, so it and step 1 are the first of their graphs.
    """
    looked: list[int] = []
    find = StepFinder.find

    def note(finder: StepFinder, trace: Any) -> Any:
        looked.append(trace.step)
        return find(finder, trace)

    monkeypatch.setattr(StepFinder, "find", note)
    with gs.trace(on_finding=lambda _: None) as t:
        train(steps, loss_of, [])
    assert t.faults == {}
    return looked


def test_of_many_equal_steps_the_last_four_of_each_period_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "PERIOD", 8)

    assert looked_at(17, monkeypatch) == [0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15]


def test_a_step_with_other_operations_is_looked_at_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = looked_at(14, monkeypatch, lambda i: twice if i == 9 else healthy)

    assert looked[:5] == [0, 1, 2, 3, 4]
    assert 9 in looked
    assert 13 not in looked


def test_a_step_in_which_a_nan_comes_up_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loss_of(step: int) -> Callable[[Tensor], Tensor]:
        factor = float("nan") if step == 9 else 1.0
        return lambda w: F.cross_entropy((X * torch.tensor(factor)) @ w.T, Y)

    assert looked_at(10, monkeypatch, loss_of) == [0, 1, 2, 3, 4, 9]


def test_a_loss_that_explodes_is_told_when_it_leaves_the_range_of_numbers() -> None:
    log: list[Any] = []
    x, y = torch.tensor([10.0, 20.0, 30.0]), torch.tensor([1.0, 2.0, 3.0])

    def loss_of(_: int) -> Callable[[Tensor], Tensor]:
        return lambda w: ((x * w[0, 0] - y) ** 2).mean()

    with gs.trace(on_finding=log.append) as t:
        train(20, loss_of, log)

    kind = "learning-rate-too-large"
    (told,) = (x for x in log if isinstance(x, Finding) and x.kind == kind)
    (later,) = (finding for finding in t.findings if finding.kind == kind)
    over = [x for x in log[: log.index(told)] if isinstance(x, int)]
    losses = t.steps.losses()
    assert losses[over[-1]] == float("inf")
    assert losses[over[-2]] != float("inf")
    assert told == later
