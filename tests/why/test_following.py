"""Findings while a run goes on: the same as afterwards, from what is kept of it."""

import contextlib
import io
import runpy
from collections.abc import Sequence
from typing import Any

import pytest
import torch

import graphscope as gs
from graphscope.analysis.findings import exploding, following
from graphscope.analysis.findings.exploding import ExplosionFollower
from graphscope.analysis.findings.following import RunFollower
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace
from tests.why.programs import FOLDER, QUESTIONS, case_names, is_healthy, question_of

EXPLODED = Finding("learning-rate-too-large", "too large", "It is.", "Less.", 0)


def first_programs() -> list[str]:
    """Return one program with a fault for each question."""
    faulty = [name for name in case_names() if not is_healthy(name)]
    return [next(n for n in faulty if question_of(n) == q) for q in QUESTIONS]


def lines(findings: Sequence[Finding]) -> set[tuple[str, int | None]]:
    return {(f.kind, None if f.site is None else f.site.line) for f in findings}


@pytest.mark.parametrize("name", first_programs())
def test_what_is_told_on_the_way_is_what_is_found_afterwards(name: str) -> None:
    told: list[Finding] = []
    tracing = gs.trace(on_finding=told.append)
    state = torch.get_rng_state()

    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        torch.manual_seed(0)
        with tracing:
            runpy.run_path(str(FOLDER / f"{name}.py"))
    torch.set_rng_state(state)

    assert tracing.faults == {}
    assert told
    assert lines(told) == lines(tracing.findings)
    assert len(told) == len(lines(told))


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Take every explosion for the learning rate's; the losses that were asked for."""
    asked: list[Any] = []

    def judge(steps: Sequence[Trace], losses: Sequence[float | None]) -> Finding:
        assert len(steps) == len(losses)
        asked.append(list(losses))
        return EXPLODED

    monkeypatch.setattr(exploding, "find_learning_rate_trap", judge)
    return asked


def follow(losses: Sequence[float | None]) -> tuple[list[int], int]:
    """Return the steps in which an explosion is told, and how many at the end."""
    follower = ExplosionFollower()
    told = [
        step
        for step, loss in enumerate(losses)
        if follower.see(Trace(Graph(), step=step), loss) is not None
    ]
    return told, len(list(follower.finish()))


INF = float("inf")


def test_a_loss_that_leaves_the_range_of_numbers_is_told_at_once(
    judged: list[Any],
) -> None:
    assert follow([5.0, 1.0, 20.0, 400.0, 8e4, INF, INF]) == ([5], 0)
    # The highest loss before the rise, a gap, and the losses since then.
    assert judged == [[5.0, None, 1.0, 20.0, 400.0, 8e4, INF]]


def test_a_finite_explosion_waits_for_the_training_to_come_back(
    judged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploding, "PATIENCE", 3)
    rising = [1.0, 20.0, 400.0, 8e4]

    assert follow([*rising, 7e4, 6e4, 5e4, 4e4]) == ([6], 0)
    assert follow([*rising, 7e4, 6e4]) == ([], 1)
    assert follow(rising) == ([], 1)
    assert follow([*rising, 7e4, float("nan")]) == ([5], 0)
    assert [len(losses) - 2 for losses in judged] == [7, 6, 4, 6]


def test_what_is_no_explosion_is_not_judged(judged: list[Any]) -> None:
    assert follow([3.0, 2.0, 1.0, None, 0.5, 0.6, 0.7, 0.8, 0.4]) == ([], 0)
    assert follow([9e4, 1.0, 20.0, 400.0, 8e3, 1.0]) == ([], 0)  # it was higher before
    assert follow([1.0, INF, 1.0]) == ([], 0)
    assert judged == []


def test_quiet_steps_are_kept_for_a_while_and_gone_through_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "PERIOD", 8)
    with gs.trace() as t:
        w = torch.tensor([1.0], requires_grad=True)
        for _ in range(20):
            loss = (w * 2).sum()
            w.grad = None
            loss.backward()
            with torch.no_grad():
                w -= 0.01 * w.detach()
    follower = RunFollower()

    calls = []
    for step in t.steps:
        if follower.take(step.trace):
            calls.append(step.step)
            follower.see()

    # Step 1 is the first of the graph that all others have.
    assert calls == [0, 1, 2, 3, 4, 7, 15]
    assert follower.finish() == []
