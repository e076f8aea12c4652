# ruff: noqa: E501 - screens are as wide as they are
"""Whole screens, as a user sees them."""

from dataclasses import replace

import pytest
from rich.style import Style
from textual.color import Color

from graphscope.model.graph import Gap
from tests.samples import logistic_trace
from tests.tui.screens import (
    LARGE,
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


async def test_backward_through_z_on_a_small_terminal() -> None:
    app = logistic_app()
    async with running(app, SMALL) as pilot:
        await press(pilot, "b", "n", "n")
        assert (
            screen_text(app)
            == """\
 logistic.py  step 0/99 · event 8/12 · 4 backward   loss 0.1394 █▄▃▂▂▁▁▁▁▁▁▁▁▁▁
╭─ graph ──────────────────────────────────────────────────────────────────────╮
│●     x_1 input                        3.7                                    │
││ ●   w_1 parameter                    0.5     ∂ −0.4814                      │
│●─┘   u   x_1 * w_1                    1.85    ∂ −0.1301                      │
││ ●   b   parameter                    0.05    ∂ −0.1301                      │
│●─┘ ▶ z   u + b                        1.9     ∂ −0.1301                      │
│●     a   sigmoid(z)                   0.8699  ∂ −1.1496                      │
││ ●   y   input                        1                                      │
│●─┘   l   binary_cross_entropy(a, y)   0.1394  ∂  1                           │
│                                                                              │
╰───────────────────────────────────────── ▶ AddBackward0 ran  logistic.py:17 ─╯
╭─ z ──────────────────────────────────╮╭─ logistic.py ────────────────────────╮
│z = u + b      logistic.py:13  f32[1] ││  11 def train_step():                │
│value      1.9                        ││  12     u = x_1 * w_1  ⟵ 1.85        │
│gradient   −0.1301   ∂L/∂z            ││▶ 13     z = u + b      ⟵ 1.9         │
│local      ∂z/∂u = 1   ∂z/∂b = 1      ││  14     a = torch.sigmoid(z)        ▅│
│edges      → u −0.1301                ││  15     l = F.binary_cross_entropy(a │
│           → b −0.1301                ││  16     optimizer.zero_grad()        │
│steps      value ▁▅▇█  gradient ▁▇██  ││  17     l.backward()                ▆│
│operator   torch.Tensor.add          ▇││  18     optimizer.step()             │
╰──────────────────────────────────────╯╰──────────────────────────────────────╯
 1 forward ━━━━━━━ 2 loss ━━━ 3 zero ━━━ 4 backward ━━━━●╌╌╌╌╌╌╌╌ 5 update ╌╌╌
 n p event N P step f b u jump / search c chain w why v s view ? help q quit"""
        )


async def test_backward_through_z_on_a_medium_terminal() -> None:
    app = logistic_app()
    async with running(app, MEDIUM) as pilot:
        await press(pilot, "b", "n", "n")
        assert (
            screen_text(app)
            == """\
 graphscope · logistic.py       step 0/99 · event 8/12 · 4 backward        loss 0.1394 █▆▄▃▃▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
╭─ graph ────────────────────────────────────────────────────╮╭─ z ────────────────────────────────────────────────────╮
│●     x_1 input                        3.7                  ││z = u + b                        logistic.py:13  f32[1] │
││ ●   w_1 parameter                    0.5     ∂ −0.4814    ││value      1.9                                          │
│●─┘   u   x_1 * w_1                    1.85    ∂ −0.1301    ││gradient   −0.1301   ∂L/∂z                              │
││ ●   b   parameter                    0.05    ∂ −0.1301    ││local      ∂z/∂u = 1   ∂z/∂b = 1                        │
│●─┘ ▶ z   u + b                        1.9     ∂ −0.1301    ││edges      → u −0.1301   → b −0.1301                    │
│●     a   sigmoid(z)                   0.8699  ∂ −1.1496    ││steps      value ▁▃▄▅▆▇▇▇███  gradient ▁▅▆▇███████      │
││ ●   y   input                        1                    ││operator   torch.Tensor.add                             │
│●─┘   l   binary_cross_entropy(a, y)   0.1394  ∂  1         ││autograd   AddBackward0                                 │
│                                                            ││                                                        │
│                                                            ││                                                        │
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
│                                                            ││▶ 13     z = u + b                         ⟵ 1.9        │
│                                                            ││  14     a = torch.sigmoid(z)              ⟵ 0.8699     │
│                                                            ││  15     l = F.binary_cross_entropy(a, y)  ⟵ 0.1394     │
│                                                            ││  16     optimizer.zero_grad()                          │
│                                                            ││  17     l.backward()                                   │
│                                                            ││  18     optimizer.step()                               │
│                                                            ││  19                                                    │
│                                                            ││  20                                                   ▆│
│                                                            ││  21 for _ in range(100):                               │
╰─────────────────────── ▶ AddBackward0 ran  logistic.py:17 ─╯╰────────────────────────────────────────────────────────╯
 1 forward ━━━━━━━━━━━━━━━━━ 2 loss ━━━━━━ 3 zero ━━━━━━ 4 backward ━━━━━━━━━━━━●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 5 update ╌╌╌╌╌╌╌
 n p event  N P step  f b u jump / search c chain w why F findings  v s view e export ? help q quit"""
        )


async def test_before_its_event_an_op_is_hollow() -> None:
    app = logistic_app()
    async with running(app, SMALL):
        assert screen_lines(app)[2:10] == [
            "│●     x_1 input                        3.7                                    │",
            "││ ●   w_1 parameter                    0.5     ∂ −0.4814                      │",
            "│●─┘ ▶ u   x_1 * w_1                    1.85    ∂ −0.1301                      │",
            "││ ●   b   parameter                    0.05    ∂ −0.1301                      │",
            "│○─┘   z   u + b                        1.9     ∂ −0.1301                      │",
            "│○     a   sigmoid(z)                   0.8699  ∂ −1.1496                      │",
            "││ ●   y   input                        1                                      │",
            "│○─┘   l   binary_cross_entropy(a, y)   0.1394  ∂  1                           │",
        ]


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE])
async def test_every_line_fills_its_frame_and_every_pane_is_on_the_screen(
    size: tuple[int, int],
) -> None:
    app = logistic_app(3)
    async with running(app, size) as pilot:
        for key in ("s", "v", "s", "u", "v"):
            await press(pilot, key)
            lines = screen_lines(app)
            panes = [pane(app, name).size for name in ("graph", "inspector", "source")]

            assert len(lines) == size[1]
            assert {len(line) for line in lines[1:-2]} == {size[0]}
            assert all(found.width >= 36 and found.height >= 8 for found in panes)
            assert lines[-2].startswith(" 1 forward ")
            assert lines[-2].count("●") == 1
            assert lines[-1].endswith("? help q quit")


async def test_resizing_moves_the_panes_and_keeps_the_place() -> None:
    app = logistic_app(3)
    async with running(app, MEDIUM) as pilot:
        await press(pilot, "b", "n", "n")
        assert pane(app, "source").region.x == pane(app, "inspector").region.x

        await pilot.resize_terminal(*SMALL)
        await pilot.pause()

        assert pane(app, "source").region.y == pane(app, "inspector").region.y
        assert "event 8/12" in screen_lines(app)[0]
        assert [len(line) for line in screen_lines(app)[1:22]] == [80] * 21


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_the_same_text_is_on_the_screen_in_every_theme(theme: str) -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        before = screen_text(app)
        app.theme = theme
        await pilot.pause()

        assert screen_text(app) == before


def contrast(style: Style) -> float:
    """Return the contrast ratio of text and background, from 1 to 21."""
    assert style.color is not None
    assert style.bgcolor is not None
    triplets = (style.color.get_truecolor(), style.bgcolor.get_truecolor())
    low, high = sorted(Color(*triplet).brightness for triplet in triplets)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_all_text_can_be_read_on_its_background(theme: str) -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.theme = theme
        await press(pilot, "b", "n")
        found = {
            segment.text: contrast(segment.style)
            for name in ("graph", "inspector", "source")
            for y in range(pane(app, name).size.height)
            for segment in pane(app, name).render_line(y)
            if segment.text.strip() and segment.style is not None
        }

        assert len(found) > 20
        assert {text: ratio for text, ratio in found.items() if ratio < 1.8} == {}


async def test_without_colour_the_selected_row_is_reversed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = logistic_app(3)
    async with running(app):
        row = pane(app, "graph").render_line(2)

        assert all(segment.style and segment.style.reverse for segment in row)
        assert "▶ u" in screen_lines(app)[4]


@pytest.mark.parametrize("size", [(60, 15), (80, 10), (40, 8), (60, 18), (120, 10)])
async def test_on_a_low_terminal_the_graph_keeps_three_rows(
    size: tuple[int, int],
) -> None:
    app = logistic_app(3)
    async with running(app, size) as pilot:
        for key in ("b", "n", "v", "s", "v"):
            await press(pilot, key)

            assert pane(app, "graph").size.height >= 3
            assert "▶" in "".join(screen_lines(app)[2:-3])
            assert len(screen_lines(app)) == size[1]


async def test_gaps_are_counted_above_the_graph_and_listed_without_selection() -> None:
    trace = logistic_trace()
    gap = Gap(None, "an extension computed without torch")
    app = open_app([replace(trace, graph=replace(trace.graph, gaps=(gap,)))])
    async with running(app) as pilot:
        assert "─ graph · 1 gap ─" in screen_lines(app)[1]

        app.go(replace(app.position, selection=None), follow=False)
        await press(pilot, "s")
        assert "─ graph · variables · 1 gap ─" in screen_lines(app)[1]
        assert pane_lines(app, "inspector") == [
            "Select a node: ↑ ↓, a click, or / to search.",
            "",
            "1 gap: not everything in this step could be seen",
            "an extension computed without torch",
        ]
