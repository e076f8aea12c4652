"""What is found out about a chain rule, and when."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import graphscope as gs
from graphscope.analysis.chain import find_chain_rule
from graphscope.errors import NotRecordedError
from graphscope.model.graph import Phase, Role
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from graphscope.tui import chain_answer, chain_panel
from graphscope.tui.chain_answer import order_roots
from graphscope.tui.moment import Moment
from tests.samples import logistic_trace
from tests.tui.chains import (
    W_1,
    accumulated,
    back,
    lecture,
    norm_of_gradient,
    row_of,
    traced,
)
from tests.tui.screens import (
    logistic_app,
    open_app,
    pane_lines,
    press,
    running,
    screen_text,
    settle,
)


async def test_a_layer_too_large_for_matrices_shows_sizes() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Linear(32, 3))

    def program() -> None:
        x = torch.randn(16, 8)
        loss = model(x).pow(2).mean()
        back(loss)

    with gs.trace(model) as t:
        program()
    app = open_app([t.last.trace])
    async with running(app) as pilot:
        app.select_node(row_of(app, "0.weight"))
        await press(pilot, "c", "end")
        lines = pane_lines(app, "chain")
        norm = norm_of_gradient(model[0])

        assert lines[0] == (
            "∂L/∂0.weight, too large for matrices: sizes of gradients (l2 norms)"
        )
        assert lines[1].split()[0] == "∂0.weightᵀ/∂0.weight"
        assert f"gradient there {norm:.4f}" in lines[1]
        assert "finite difference: " in " ".join(lines)


def test_of_several_backwards_the_one_that_runs_now_comes_first() -> None:
    trace = traced(accumulated)
    graph = trace.graph
    starts = [e.index for e in graph.events if e.phase is Phase.BACKWARD]
    w, first, second = (trace.resolve(name).id for name in ("w", "first", "second"))

    assert graph.roots == (first, second)
    assert order_roots(Moment(trace, 0), w) == (first, second)
    assert order_roots(Moment(trace, starts[0]), w) == (first, second)
    assert order_roots(Moment(trace, starts[-1]), w) == (second, first)
    # second is not reached by what began from first
    assert order_roots(Moment(trace, starts[0]), second) == (second,)


async def test_the_panel_follows_from_one_backward_to_the_next() -> None:
    trace = traced(accumulated)
    app = open_app([trace])
    async with running(app) as pilot:
        app.select_node(0)
        await press(pilot, "c", "b")
        assert pane_lines(app, "chain")[0].startswith("∂first/∂w = ")

        await press(pilot, "b")
        assert pane_lines(app, "chain")[0].startswith("∂second/∂w = ")


async def test_a_large_step_is_worked_out_in_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chain_panel, "QUICK_NODES", 0)
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        app.action_toggle_chain()
        assert pane_lines(app, "chain") == [
            "Working out the chain rule of this large step …"
        ]
        await settle(pilot)
        assert pane_lines(app, "chain")[0].startswith("∂L/∂w₁ = ")
        assert "◆─┘ ▶ u" in screen_text(app)


async def test_a_check_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    find = find_chain_rule

    def refuse(*args: Any, is_checked: bool = True) -> Any:
        if is_checked:
            raise NotRecordedError("The recording ends in the middle.")
        return find(*args, is_checked=False)

    monkeypatch.setattr(chain_answer, "find_chain_rule", refuse)
    app = open_app([traced(lecture)])
    async with running(app) as pilot:
        app.select_node(row_of(app, "w_1"))
        await press(pilot, "c", "end")

        assert pane_lines(app, "chain")[2].endswith(
            "finite difference: none, The recording ends in the middle."
        )


async def test_shapes_that_do_not_fit_are_not_multiplied() -> None:
    trace = logistic_trace()
    z = 4
    wrong = [
        Observation(np.ones((2, 3)))
        if slot.role is Role.LOCAL and slot.value == z
        else seen
        for slot, seen in zip(trace.graph.slots, trace.observations, strict=True)
    ]
    app = open_app([replace(trace, observations=tuple(wrong))])
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "end")

        assert pane_lines(app, "chain")[0] == (
            "∂L/∂w₁, too large for matrices: sizes of gradients (l2 norms)"
        )


async def test_the_rule_is_found_once_for_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    find = chain_answer.find_answer

    def count(trace: Trace, key: chain_answer.ChainKey) -> chain_answer.Answer:
        asked.append(trace.step)
        return find(trace, key)

    monkeypatch.setattr(chain_panel, "find_answer", count)
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "b", "n", "n", "N", "P", "N", "p", "end")

    assert asked == [0, 1]
