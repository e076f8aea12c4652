# ruff: noqa: E501 - screens are as wide as they are
"""The panel of w: the answer, its rows, and how it goes along with the user."""

import re
from dataclasses import replace
from typing import cast

import pytest
import torch
from torch import nn

from graphscope.analysis.evidence.facts import Facts
from graphscope.model.trace import Trace
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.outline import build_outline
from graphscope.tui.why_answer import find_answer
from graphscope.tui.why_module import answer_module
from graphscope.tui.why_question import Asked, WhyAnswer
from tests.drafts import cut_short
from tests.samples import logistic_trace, logistic_traces
from tests.tui.chains import W_1, X_1, A, Y, Z, back, row_of, traced
from tests.tui.findings import SATURATED
from tests.tui.screens import (
    MEDIUM,
    SMALL,
    logistic_app,
    open_app,
    pane,
    pane_lines,
    press,
    running,
    screen_lines,
    screen_text,
)
from tests.tui.steps import with_readout


def behind_detach() -> None:
    w = torch.tensor([0.5, 2.0], requires_grad=True)
    v = torch.tensor([3.0, 1.0], requires_grad=True)
    h = torch.exp(w)
    d = h.detach()
    loss = (d * v).sum()
    back(loss)


def mean_of_squares() -> None:
    w = torch.tensor([0.5, 2.0], requires_grad=True)
    loss = (w * w).mean()
    back(loss)


def said(app: GraphscopeApp) -> list[str]:
    """Return what the panel says, with `here` for each place."""
    lines = pane_lines(app, "why")
    return [re.sub(r"\s*\btest_why\.py:\d+", "", row).rstrip() for row in lines]


def asked_about(trace: Trace, node: int, **facts: object) -> WhyAnswer:
    """Return the answer for a node of a step."""
    asked = Asked(trace, build_outline(trace.graph).nodes[node])
    return find_answer(replace(asked, **facts))  # type: ignore[arg-type]


async def test_w_says_why_a_gradient_is_missing_and_rows_lead_to_nodes() -> None:
    app = open_app([traced(behind_detach)])
    async with running(app, MEDIUM) as pilot:
        app.select_node(row_of(app, "w"))
        await press(pilot, "w")
        assert str(pane(app, "why").border_title) == "why · w"
        assert app.focused is pane(app, "why")
        assert said(app)[0] == "`w.grad` is None in step 0."
        rows = [row for row in said(app) if row.startswith(("╭", "│", "╰"))]
        assert rows == [
            "╭ w = torch.tensor([0.5, 2.0], requires_grad=True)",
            "│ h = torch.exp(w)",
            "│ d = h.detach()  ← cut by detach()",
            "│ d * v",
            "╰ loss = (d * v).sum()",
        ]

        await press(pilot, "down", "down", "enter")
        assert str(pane(app, "inspector").border_title) == "d"
        assert str(pane(app, "why").border_title) == "why · w"

        await press(pilot, "w")  # of the node that is selected now
        assert str(pane(app, "why").border_title) == "why · d"
        await press(pilot, "w")
        assert not pane(app, "why").display
        assert app.focused is pane(app, "graph")


async def test_an_ordinary_gradient_is_told_once_and_asks_for_nothing() -> None:
    app = open_app([traced(mean_of_squares)])
    async with running(app, MEDIUM) as pilot:
        app.select_node(row_of(app, "w"))
        await press(pilot, "w")
        told = said(app)
    size = "The gradient of `w` is of norm"
    assert [row for row in told if row.startswith(size)] == []
    assert [row for row in told if "Nothing has to be done" in row] == []
    assert [row for row in told if row.startswith("To `w`")] != []


async def test_on_a_small_terminal_graph_and_answer_have_the_screen() -> None:
    app = open_app([traced(behind_detach)])
    async with running(app, SMALL) as pilot:
        app.select_node(row_of(app, "w"))
        await press(pilot, "w")
        assert len(screen_lines(app)) == 24
        assert pane(app, "graph").size.height >= 6
        assert pane(app, "why").size.height >= 8
        assert not pane(app, "source").region

        # past the last row the text scrolls on: what to do is at its end
        assert "→ Use `h` itself" not in screen_text(app)
        await press(pilot, *["down"] * 12)
        assert "→ Use `h` itself" in screen_text(app)

        await press(pilot, "escape")
        assert not pane(app, "why").display
        assert pane(app, "source").region


async def test_a_click_on_a_row_goes_to_its_node() -> None:
    app = open_app([traced(behind_detach)])
    async with running(app, MEDIUM) as pilot:
        app.select_node(row_of(app, "w"))
        await press(pilot, "w")
        y = next(i for i, row in enumerate(said(app)) if row.startswith("│ h ="))
        await pilot.click("#why", offset=(6, y + 1 - pane(app, "why").scroll_offset.y))
        await press(pilot)

        assert str(pane(app, "inspector").border_title) == "h"


async def test_the_other_steps_answer_for_the_same_node() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "w", "end")
        first = pane_lines(app, "why")[0]
        await press(pilot, "N")

        # torch: x_1 (a − y) = 3.7 · (0.8699 − 1), and after one update
        assert (
            first
            == "`w_1.grad` is −0.4814 in step 0, and nothing about it is suspicious."
        )
        assert pane_lines(app, "why")[0].startswith("`w_1.grad` is −0.4069 in step 1")


async def test_a_gradient_that_comes_later_in_the_step_is_announced() -> None:
    app = logistic_app(1)
    async with running(app) as pilot:
        app.select_node(Z)
        await press(pilot, "w")
        note = "At event 1 not yet reached on the way back: the gradient arrives at event 8."
        assert pane_lines(app, "why")[0] == note

        await press(pilot, "end")
        assert note not in screen_text(app)


async def test_chain_rule_and_why_take_turns() -> None:
    app = logistic_app(1)
    async with running(app) as pilot:
        app.select_node(W_1)
        shown = []
        for key in ("w", "c", "w", "c", "c"):
            await press(pilot, key)
            shown.append([n for n in ("chain", "why") if pane(app, n).display])

        assert shown == [["why"], ["chain"], ["why"], ["chain"], []]


async def test_without_a_selection_w_asks_for_one() -> None:
    app = logistic_app(1)
    async with running(app) as pilot:
        app.go(replace(app.position, selection=None), follow=False)
        await press(pilot, "w")

        assert "Select a node first" in screen_text(app)
        assert not pane(app, "why").display


async def test_a_damaged_step_and_one_without_the_node_say_so() -> None:
    app = open_app([*logistic_traces(2), traced(behind_detach)], damaged=[1])
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "w", "N")
        assert pane_lines(app, "why") == [
            "This step cannot be read, so nothing is known of it."
        ]
        await press(pilot, "N")
        assert pane_lines(app, "why") == ["w_1 is not in step 0."]


async def test_an_answer_is_neither_markup_nor_an_escape_sequence() -> None:
    hostile = "[@click=app.quit]x[/] [/] \x1b]52;c;ZXZpbA==\x07"
    finding = replace(
        SATURATED,
        title=hostile,
        explanation=hostile,
        values=(1,),
        paths=((replace(SATURATED.paths[0][0], text=hostile, mark=hostile),),),
    )
    app = logistic_app(1)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "w")
        panel = app.session.why
        asked = panel._asked
        assert asked is not None
        panel.put(asked, WhyAnswer(hostile, hostile, (finding,)))
        app.show()
        await press(pilot)

        assert screen_text(app).count("[@click=app.quit]x[/]") >= 4
        assert not set("\x1b\x07") & set(screen_text(app))


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (X_1, "No gradient reached `x_1` in step 0."),
        (Y, "No gradient reached `y` in step 0."),
        (A, "The gradient of `a` is −1.1496 in step 0"),
    ],
)
def test_inputs_labels_and_results_have_answers(row: int, verdict: str) -> None:
    found = asked_about(logistic_trace(), row)

    assert found.verdict.startswith(verdict)
    assert not found.is_suspicious


def test_an_op_that_reads_numbers_out_has_an_answer() -> None:
    assert asked_about(with_readout(), 8).verdict == (
        "item hands numbers to Python. What Python computes with them is not recorded "
        "by autograd, so no gradient comes back through it."
    )


@pytest.mark.parametrize(
    ("events", "run", "verdict"),
    [
        (4, "goes on", "Not yet: backward has not begun in step 0."),
        (
            7,
            "goes on",
            "Not yet reached on the way back: backward is still running in step 0, and there is a way from the loss to `w_1`.",
        ),
        (
            7,
            "was ended",
            "Not reached on the way back when the run was ended in step 0: the gradient was still to come, it is not missing.",
        ),
    ],
)
def test_in_a_step_that_has_only_begun_a_gradient_is_not_missing(
    events: int, run: str, verdict: str
) -> None:
    draft, is_over = cut_short(logistic_trace(), events), run == "was ended"
    found = asked_about(draft, W_1, is_cut_short=True, is_over=is_over)

    assert found.verdict == verdict
    assert not found.is_suspicious
    # of an input it is known already
    data = asked_about(draft, X_1, is_cut_short=True, is_over=is_over)
    assert data.verdict == "No gradient reached `x_1` in step 0."


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        self.head = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.encoder(x)
        return cast("torch.Tensor", self.head(h.detach()))


def net_step() -> Trace:
    def program() -> None:
        net = _Net()
        back(net(torch.ones(1, 2)).sum())

    return traced(program)


def answer_for(trace: Trace, scope: str, **facts: bool) -> WhyAnswer | None:
    node = build_outline(trace.graph).nodes[0]
    asked = replace(Asked(trace, node), scope=scope, **facts)  # type: ignore[arg-type]
    return answer_module(Facts(trace.graph), asked)


def test_a_collapsed_module_answers_for_all_of_its_parameters() -> None:
    found = answer_for(net_step(), "encoder")
    assert found is not None
    assert (
        found.verdict
        == "None of the 4 parameters of `encoder` got a gradient in step 0."
    )
    assert [(row.text, row.mark) for row in found.rows] == [
        ("encoder.0.weight", "no gradient"),
        ("encoder.0.bias", "no gradient"),
        ("encoder.1.weight", "no gradient"),
        ("encoder.1.bias", "no gradient"),
    ]
    (finding,) = found.findings
    assert finding.title == "4 parameters got no gradient: cut by detach()"
    assert found.is_suspicious


def test_a_module_whose_parameters_all_learn_lists_their_gradients() -> None:
    found = answer_for(net_step(), "head")
    assert found is not None
    assert found.verdict == "All 2 parameters of `head` got a gradient in step 0."
    assert found.rows[1].text == "head.bias"
    assert found.rows[1].mark == "gradient 1"  # of the sum of one output
    assert found.findings == ()
    assert answer_for(net_step(), "encoder.7") is None
