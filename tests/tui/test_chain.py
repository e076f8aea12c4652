# ruff: noqa: E501 - screens are as wide as they are
"""`c` pins the chain rule of a node, and backward fills its factors in."""

from dataclasses import replace

import pytest
import torch

from graphscope.tui.lines import Tone
from tests.samples import logistic_trace, logistic_traces
from tests.tui.chains import (
    W_1,
    X_1,
    B,
    L,
    back,
    lecture,
    pieces,
    row_of,
    traced,
)
from tests.tui.screens import (
    MEDIUM,
    SMALL,
    first_events,
    logistic_app,
    open_app,
    pane,
    pane_lines,
    press,
    running,
    screen_text,
)


async def test_c_shows_the_chain_rule_and_backward_fills_it_in_from_the_loss() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c")
        shown = [pane_lines(app, "chain")[1]]
        for key in ("b", "n", "n", "n", "n"):
            await press(pilot, key)
            shown.append(pane_lines(app, "chain")[1])

        # ∂L/∂a = −1/a, ∂a/∂z = a(1 − a), ∂z/∂u = 1, ∂u/∂w_1 = x_1
        assert (
            pane_lines(app, "chain")[0] == "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a"
        )
        assert shown == [
            "       =   ?    ·   ?   ·   ?    ·    ?     =  ?",
            "       =   ?    ·   ?   ·   ?    · −1.1496  =  ?   so far ∂L/∂a = −1.1496",
            "       =   ?    ·   ?   · 0.1132 · −1.1496  =  ?   so far ∂L/∂z = −0.1301",
            "       =   ?    ·   1   · 0.1132 · −1.1496  =  ?   so far ∂L/∂u = −0.1301",
            # the gradient of b is accumulated, which is no factor of this rule
            "       =   ?    ·   1   · 0.1132 · −1.1496  =  ?   so far ∂L/∂u = −0.1301",
            "       =  3.7   ·   1   · 0.1132 · −1.1496  =  −0.4814",
        ]


async def test_the_factor_that_this_very_event_fills_in_stands_out() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        fresh = []
        for key in ("c", "b", "n", "n", "n", "n", "n"):
            await press(pilot, key)
            fresh.append(pieces(app, "chain", Tone.FRESH))

    assert fresh == [
        [],
        ["∂L/∂a", "−1.1496"],
        ["∂a/∂z", "0.1132"],
        ["∂z/∂u", "1"],
        [],
        ["∂u/∂w₁", "3.7"],
        [],
    ]


async def test_going_back_takes_the_factors_away_again() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "end", "b")

        assert "? " in pane_lines(app, "chain")[1]
        assert pane(app, "chain").border_subtitle == "1 of 4 factors · esc closes"


async def test_at_its_end_the_rule_is_held_against_autograd_and_a_difference() -> None:
    app = open_app([traced(lecture)])
    async with running(app) as pilot:
        app.select_node(row_of(app, "w_1"))
        await press(pilot, "c", "end")
        checks = pane_lines(app, "chain")[2]

    # torch: x_1 (a − y) = 3.7 · (0.8699 − 1) = −0.4814
    assert checks.startswith("autograd: −0.4814 ✓ (off by ")
    assert "   finite difference: −0.4814 ✓ (off by " in checks


@pytest.mark.parametrize(
    ("size", "heights"),
    [
        # names, numbers and the line of the two checks
        (MEDIUM, [3, 3, 3, 3, 3, 3, 3, 3]),
        # where there is little room the checks get theirs when they come
        (SMALL, [2, 2, 2, 2, 2, 4, 4, 2]),
    ],
)
async def test_the_panel_is_as_high_as_its_lines_will_be_where_there_is_room(
    size: tuple[int, int], heights: list[int]
) -> None:
    app = open_app([traced(lecture)])
    async with running(app, size) as pilot:
        app.select_node(row_of(app, "w_1"))
        found = []
        for key in ("c", "b", "n", "n", "n", "n", "n", "home"):
            await press(pilot, key)
            found.append(pane(app, "chain").size.height)

    assert found == heights


async def test_the_pinned_rule_stays_while_the_selection_moves() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "b", "n")

        assert str(pane(app, "chain").border_title) == "chain rule · ∂L/∂w₁"
        assert str(pane(app, "inspector").border_title) == "a"
        assert pane_lines(app, "inspector")[3] == "local      ∂a/∂z = 0.1132"


async def test_c_again_on_the_same_node_closes_and_on_another_pins_that() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        shown = []
        for row, key in ((W_1, "home"), (W_1, "c"), (B, "c"), (B, "c")):
            app.select_node(row)
            await press(pilot, key)
            shown.append(
                str(pane(app, "chain").border_title) * pane(app, "chain").display
            )

        assert shown == ["", "chain rule · ∂L/∂w₁", "chain rule · ∂L/∂b", ""]
        assert "◆" not in screen_text(app)


async def test_escape_closes_and_gives_the_focus_back_to_the_graph() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "tab", "tab", "tab")
        assert app.focused is pane(app, "chain")

        await press(pilot, "escape")
        assert not pane(app, "chain").display
        assert app.focused is pane(app, "graph")


async def test_without_a_selection_c_asks_for_one() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.go(replace(app.position, selection=None), follow=False)
        await press(pilot, "c")

        assert "Select a node first" in screen_text(app)
        assert not pane(app, "chain").display


async def test_the_other_steps_have_the_rule_of_the_same_node() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "end", "N")

        # the weights after one update: w_1 = 0.5 + 0.1 · 0.4814
        assert pane_lines(app, "chain")[:2] == [
            "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a",
            "       =  3.7   ·   1   · 0.0979 · −1.1235  =  −0.4069",
        ]
        await press(pilot, "P")
        assert pane_lines(app, "chain")[1].endswith("=  −0.4814")


async def test_a_step_without_backward_says_so_and_the_rule_comes_back() -> None:
    steps = logistic_traces(3)
    forward = first_events(steps[1], 4)
    steps[1] = replace(forward, graph=replace(forward.graph, roots=()))
    app = open_app(steps)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "N")
        assert pane_lines(app, "chain") == [
            "No backward ran in step 1, so no gradient flowed. Choose another step: N and P."
        ]
        assert "◆" not in screen_text(app)

        await press(pilot, "N", "end")
        assert pane_lines(app, "chain")[0].startswith("∂L/∂w₁ = ")


async def test_a_damaged_step_is_no_trouble() -> None:
    app = open_app(logistic_traces(3), damaged=[1])
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "N")
        assert pane_lines(app, "chain") == [
            "This step cannot be read, so nothing is known of its gradients."
        ]
        await press(pilot, "c", "N", "end")
        # w_1 = 0.5888, b = 0.074: 3.7 (σ(2.2526) − 1)
        assert pane_lines(app, "chain")[1].endswith("=  −0.3519")


SENTENCES = [
    (
        X_1,
        "x_1 requires no gradient in step 0, so there is no chain rule for it. Ask for a parameter, or for a value computed from one.",
    ),
    (
        L,
        "Backward started from L: its gradient is what it started with. Select a value that it was computed from, and press c.",
    ),
]


@pytest.mark.parametrize(("row", "sentence"), SENTENCES)
async def test_where_there_is_no_rule_one_sentence_says_why(
    row: int, sentence: str
) -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        app.select_node(row)
        await press(pilot, "c")

        assert " ".join(pane_lines(app, "chain")) == sentence
        assert pane(app, "chain").size.height == len(pane_lines(app, "chain"))
        assert "◆" not in screen_text(app)


async def test_a_node_that_another_step_does_not_have_is_named() -> None:
    def longer() -> None:
        w = torch.tensor(2.0, requires_grad=True)
        extra = w * 3
        back(extra * extra)

    app = open_app([logistic_trace(0), replace(traced(longer), step=1)])
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "N")

        assert pane_lines(app, "chain") == ["w_1 is not in step 1."]
