# ruff: noqa: E501 - screens are as wide as they are
"""The panel of the chain rule: its lines, its size, its place on the screen."""

from dataclasses import replace

import pytest
from textual.events import MouseScrollDown

from graphscope.analysis.chain import find_chain_rule
from graphscope.tui.chain_view import picture_rule
from graphscope.tui.moment import Moment
from tests.samples import logistic_trace
from tests.tui.chains import (
    W_1,
    traced,
    two_paths,
)
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
    settle,
)


async def test_several_paths_are_added_up() -> None:
    app = open_app([traced(two_paths)])
    async with running(app) as pilot:
        app.select_node(0)
        await press(pilot, "c", "end")

        # l = 3w · w² + 3w: 9w² + 3 = 39
        assert pane_lines(app, "chain")[:8] == [
            "∂L/∂w is the sum over 3 paths:",
            "  1  ∂u/∂w · ∂s/∂u · ∂L/∂s",
            "   =   3   ·   4   ·   1    =  12",
            "  2  ∂v/∂w · ∂s/∂v · ∂L/∂s",
            "   =   4   ·   6   ·   1    =  24",
            "  3  ∂u/∂w · ∂L/∂u",
            "   =   3   ·   1    =  3",
            "∂L/∂w = 12 + 24 + 3 = 39",
        ]


async def test_a_low_panel_shows_the_sum_once_all_is_known_and_scrolls() -> None:
    app = open_app([traced(two_paths)])
    async with running(app, SMALL) as pilot:
        app.select_node(0)
        await press(pilot, "c", "end")
        panel = pane(app, "chain")
        assert panel.size.height == 5
        assert "│∂L/∂w = 12 + 24 + 3 = 39" in screen_text(app)

        panel.scroll_home(animate=False)
        await press(pilot, "tab", "tab", "tab", "down")
        assert panel.scroll_offset.y == 1

        before = app.position
        panel.post_message(MouseScrollDown(panel, 1, 1, 0, 1, 0, False, False, False))
        await pilot.pause()
        assert panel.scroll_target_y > 1
        assert app.position == before


async def test_the_line_in_sight_stays_when_the_user_scrolled_and_no_event_came() -> (
    None
):
    app = open_app([traced(two_paths)])
    async with running(app, SMALL) as pilot:
        app.select_node(0)
        await press(pilot, "c", "end")
        pane(app, "chain").scroll_home(animate=False)
        app.show()  # as when a new step was recorded
        await settle(pilot)

        assert pane(app, "chain").scroll_offset.y == 0


async def test_m_gives_the_panel_the_whole_screen() -> None:
    app = open_app([traced(two_paths)])
    async with running(app, SMALL) as pilot:
        app.select_node(0)
        await press(pilot, "c", "end", "tab", "tab", "tab", "m")
        assert pane(app, "chain").size.height > 15

        await press(pilot, "escape")
        assert pane(app, "chain").size.height == 5

        await press(pilot, "escape")
        assert not pane(app, "chain").display


async def test_c_leaves_no_other_pane_on_top_of_the_rule() -> None:
    app = logistic_app(2)
    async with running(app, SMALL) as pilot:
        app.select_node(W_1)
        await press(pilot, "m", "c")

        assert app.screen.maximized is None
        assert "chain rule · ∂L/∂w₁" in screen_text(app)


async def test_the_palette_has_the_chain_rule() -> None:
    app = logistic_app(2)
    async with running(app, (100, 60)) as pilot:
        app.select_node(W_1)
        await press(pilot, "ctrl+p", *"showthesel", "down", "enter")

        assert pane(app, "chain").display


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
async def test_the_panel_has_the_same_text_in_every_theme(theme: str) -> None:
    app = logistic_app(2)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "end")
        before = screen_text(app)
        app.theme = theme
        await pilot.pause()

        assert screen_text(app) == before


async def test_resizing_wraps_a_long_product_again() -> None:
    app = logistic_app(2)
    async with running(app, MEDIUM) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "end")
        await pilot.resize_terminal(44, 30)
        await settle(pilot)

        assert pane_lines(app, "chain")[:5] == [
            "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·",
            "       =  3.7   ·   1   · 0.1132 ·",
            "          ∂L/∂a",
            "         −1.1496",
            "       =  −0.4814",
        ]
        assert {len(line) for line in screen_lines(app)[1:-2]} == {44}


def test_sentences_are_wrapped_and_products_are_not() -> None:
    trace = logistic_trace()
    rule = find_chain_rule(trace, 1, 7, is_checked=False)
    noted = replace(rule, notes=("one two three four five six seven eight nine ten",))
    picture = picture_rule(Moment(trace, 11), noted, name="∂L/∂w₁", width=30)

    assert [picture.line_at(y).text for y in range(picture.height)][-2:] == [
        "one two three four five six",
        "seven eight nine ten",
    ]


async def test_the_rule_on_a_small_terminal() -> None:
    app = logistic_app()
    async with running(app, SMALL) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "b", "n")
        assert (
            screen_text(app)
            == """\
 logistic.py  step 0/99 · event 7/12 · 4 backward   loss 0.1394 █▄▃▂▂▁▁▁▁▁▁▁▁▁▁
╭─ graph ──────────────────────────────────────────────────────────────────────╮
│●     x_1 input                        3.7                                    │
││ ◆   w_1 parameter                    0.5     ∂ −0.4814                      │
│◆─┘   u   x_1 * w_1                    1.85    ∂ −0.1301  ∂u/∂w₁ = ?          │
││ ●   b   parameter                    0.05    ∂ −0.1301                      │
│◆─┘   z   u + b                        1.9     ∂ −0.1301  ∂z/∂u = ?           │
│◆   ▶ a   sigmoid(z)                   0.8699  ∂ −1.1496  ∂a/∂z = 0.1132      │
││ ●   y   input                        1                                      │
│◆─┘   l   binary_cross_entropy(a, y)   0.1394  ∂  1       ∂L/∂a = −1.1496     │
╰───────────────────────────────────── ▶ SigmoidBackward0 ran  logistic.py:17 ─╯
╭─ a ──────────────────────────────────╮╭─ logistic.py ────────────────────────╮
│a = sigmoid(z) logistic.py:14  f32[1] ││  13     z = u + b      ⟵ 1.9         │
│value      0.8699                     ││▶ 14     a = torch.sigmoid(z)         │
│gradient   −1.1496   ∂L/∂a            ││  15     l = F.binary_cross_entropy(a▄│
│local      ∂a/∂z = 0.1132            ▇││  16     optimizer.zero_grad()       ▃│
│edges      → z −0.1301                ││  17     l.backward()                 │
╰──────────────────────────────────────╯╰──────────────────────────────────────╯
╭─ chain rule · ∂L/∂w₁ ────────────────────────────────────────────────────────╮
│∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a                                     │
│       =   ?    ·   ?   · 0.1132 · −1.1496  =  ?   so far ∂L/∂z = −0.1301     │
╰──────────────────────────────────────────────── 2 of 4 factors · esc closes ─╯
 1 forward ━━━━━━━ 2 loss ━━━ 3 zero ━━━ 4 backward ━━●╌╌╌╌╌╌╌╌╌╌ 5 update ╌╌╌
 n p event N P step f b u jump / search c chain w why v s view ? help q quit"""
        )


async def test_the_rule_on_a_medium_terminal() -> None:
    app = logistic_app()
    async with running(app, MEDIUM) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "b", "n")
        assert (
            screen_text(app)
            == """\
 graphscope · logistic.py       step 0/99 · event 7/12 · 4 backward        loss 0.1394 █▆▄▃▃▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
╭─ graph ────────────────────────────────────────────────────╮╭─ a ────────────────────────────────────────────────────╮
│●     x_1 input                        3.7                  ││a = sigmoid(z)                   logistic.py:14  f32[1] │
││ ◆   w_1 parameter                    0.5     ∂ −0.4814    ││value      0.8699                                       │
│◆─┘   u   x_1 * w_1     ∂u/∂w₁ = ?     1.85    ∂ −0.1301    ││gradient   −1.1496   ∂L/∂a                              │
││ ●   b   parameter                    0.05    ∂ −0.1301    ││local      ∂a/∂z = 0.1132                               │
│◆─┘   z   u + b            ∂z/∂u = ?   1.9     ∂ −0.1301    ││edges      → z −0.1301                                  │
│◆   ▶ a   sigmoid(z)  ∂a/∂z = 0.1132   0.8699  ∂ −1.1496    ││steps      value ▁▅▆▇███████  gradient ▁▅▇▇███████      │
││ ●   y   input                        1                    ││operator   torch.sigmoid                                │
│◆─┘   l   binary_cr… ∂L/∂a = −1.1496   0.1394  ∂  1         ││autograd   SigmoidBackward0                             │
│                                                            ││                                                        │
│                                                            ││                                                        │
│                                                            │╰────────────────────────────────────────────────────────╯
│                                                            │╭─ logistic.py ──────────────────────────────────────────╮
│                                                            ││   1 import torch                                       │
│                                                            ││   2 import torch.nn.functional as F                    │
│                                                            ││   3                                                    │
│                                                            ││   4 x_1 = torch.tensor([3.7])             ⟵ 3.7        │
│                                                            ││   5 y = torch.tensor([1.0])               ⟵ 1          │
│                                                            ││   6 w_1 = torch.tensor([0.5], requires_grad=True)      │
│                                                            ││   7 b = torch.tensor([0.05], requires_grad=True)       │
│                                                            ││   8 optimizer = torch.optim.SGD([w_1, b], lr=0.1)      │
│                                                            ││   9                                                    │
│                                                            ││  10                                                    │
│                                                            ││  11 def train_step():                                  │
│                                                            ││  12     u = x_1 * w_1                     ⟵ 1.85       │
│                                                            ││  13     z = u + b                         ⟵ 1.9        │
│                                                            ││▶ 14     a = torch.sigmoid(z)              ⟵ 0.8699     │
│                                                            ││  15     l = F.binary_cross_entropy(a, y)  ⟵ 0.1394    ▇│
│                                                            ││  16     optimizer.zero_grad()                          │
│                                                            ││  17     l.backward()                                   │
│                                                            ││  18     optimizer.step()                               │
╰─────────────────── ▶ SigmoidBackward0 ran  logistic.py:17 ─╯╰────────────────────────────────────────────────────────╯
╭─ chain rule · ∂L/∂w₁ ────────────────────────────────────────────────────────────────────────────────────────────────╮
│∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a                                                                             │
│       =   ?    ·   ?   · 0.1132 · −1.1496  =  ?   so far ∂L/∂z = −0.1301                                             │
│                                                                                                                      │
╰──────────────────────────────────────────────────────────────────────────────────────── 2 of 4 factors · esc closes ─╯
 1 forward ━━━━━━━━━━━━━━━━━ 2 loss ━━━━━━ 3 zero ━━━━━━ 4 backward ━━━━━━●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 5 update ╌╌╌╌╌╌╌
 n p event  N P step  f b u jump / search c chain w why F findings  v s view e export ? help q quit"""
        )
