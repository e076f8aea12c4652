# ruff: noqa: E501 - screens are as wide as they are
"""Whole screens of the live UI, as a user sees them."""

from graphscope.debugger.state import BreakpointState
from tests.tui.live.driving import live, looks, shows
from tests.tui.live.fakes import FakeTraining
from tests.tui.screens import MEDIUM, SMALL


async def test_paused_in_front_of_a_node_on_a_small_terminal(
    training: FakeTraining,
) -> None:
    training.pause(2, 7, reason="breakpoint 1: var:z", is_before=True)
    training.tell(site="logistic.py:17")
    async with live(training, size=SMALL) as (app, pilot):
        await shows(pilot, "NOW")
        await shows(pilot, "steps ")
        await looks(
            app,
            pilot,
            """\
 graphscope · train.py     step 2/2 · event 8/8… · 4 backward      loss 0.1 █▄▁
 ⏸ paused · breakpoint 1: var:z  logistic.py:17                             NOW
╭─ graph ──────────────────────────────────────────────────────────────────────╮
│●     x_1 input                        3.7                                    │
││ ●   w_1 parameter                    0.5888                                 │
│●─┘   u   x_1 * w_1                    2.1787                                 │
││ ●   b   parameter                    0.074                                  │
│●─┘ ▶ z   u + b                        2.2527  ∂ −0.0951                      │
│●     a   sigmoid(z)                   0.9049  ∂ −1.1051                      │
││ ●   y   input                        1                                      │
│●─┘   l   binary_cross_entropy(a, y)   0.1     ∂  1                           │
╰─────────────────────────────── ▶ about to run: AddBackward0  logistic.py:17 ─╯
╭─ z ──────────────────────────────────╮╭─ logistic.py ────────────────────────╮
│z = u + b      logistic.py:13  f32[1] ││   8 optimizer = torch.optim.SGD([w_1 │
│value      2.2527                     ││   9                                  │
│gradient   −0.0951   ∂L/∂z            ││  10                                 ▅│
│steps      value ▁▅█  gradient ▁▅█    ││  11 def train_step():                │
│operator   torch.Tensor.add           ││  12     u = x_1 * w_1  ⟵ 2.1787      │
│autograd   AddBackward0               ││▶ 13     z = u + b      ⟵ 2.2527     ▆│
│                                      ││  14     a = torch.sigmoid(z)         │
│                                      ││  15     l = F.binary_cross_entropy(a │
╰──────────────────────────────────────╯╰──────────────────────────────────────╯
 1 forward ━━━━━━━━━━━━━━ 2 loss ━━━━━ 3 zero ━━━━━ 4 backward ━━━━━━━━━━━━━━●
 ␣ step o over O out h phase S next r run z pause . now n p view ? help q quit""",
        )


async def test_a_look_at_the_past_on_a_medium_terminal(
    training: FakeTraining,
) -> None:
    training.pause(7, 2, reason="breakpoint 1: a if step == 7")
    training.update(breakpoints=(BreakpointState(1, "a if step == 7", hits=1),))
    async with live(training, size=MEDIUM) as (app, pilot):
        await shows(pilot, "NOW")
        await pilot.press("B", "P", "P", "P", "P")
        await shows(pilot, "PAST · step 3, now is step 7")
        await shows(pilot, "steps ")
        await looks(
            app,
            pilot,
            """\
 graphscope · train.py                      step 3/7 · event 3/12 · 1 forward                      loss 0.0875 █▆▄▃▂▁▁
 ⏸ paused · breakpoint 1: a if step == 7                                                   PAST · step 3, now is step 7
╭─ graph ────────────────────────────────────────────────────╮╭─ a ────────────────────────────────────────────────────╮
│●     x_1 input                        3.7                  ││a = sigmoid(z)                   logistic.py:14  f32[1] │
││ ●   w_1 parameter                    0.624   ∂ −0.3099    ││value      0.9162                                       │
│●─┘   u   x_1 * w_1                    2.3089  ∂ −0.0838    ││gradient   −1.0914   ∂L/∂a  at event 7                  │
││ ●   b   parameter                    0.0835  ∂ −0.0838    ││local      ∂a/∂z = 0.0767                               │
│●─┘   z   u + b                        2.3924  ∂ −0.0838    ││edges      → z −0.0838                                  │
│●   ▶ a   sigmoid(z)                   0.9162  ∂ −1.0914    ││steps      value ▁▃▄▆▇▇██  gradient ▁▃▅▆▇██             │
││ ●   y   input                        1                    ││operator   torch.sigmoid                                │
│○─┘   l   binary_cross_entropy(a, y)   0.0875  ∂  1         ││autograd   SigmoidBackward0                             │
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
│                                                            ││  12     u = x_1 * w_1                     ⟵ 2.3089     │
│                                                            ││  13     z = u + b                         ⟵ 2.3924     │
│                                                            ││▶ 14     a = torch.sigmoid(z)              ⟵ 0.9162     │
│                                                            ││  15     l = F.binary_cross_entropy(a, y)              ▇│
│                                                            ││  16     optimizer.zero_grad()                          │
│                                                            ││  17     l.backward()                                   │
│                                                            ││  18     optimizer.step()                               │
╰──────────────────────────── ▶ a = sigmoid  logistic.py:14 ─╯╰────────────────────────────────────────────────────────╯
╭─ breakpoints ────────────────────────────────────────────────────────────────────────────────────────────────────────╮
│ ●  1  a if step == 7  hit once                                                                                       │
╰─────────────────────────────────────────────────────────── a add · e on/off · d remove · enter go there · esc close ─╯
 1 forward ━━━━━━━━━━━━━━━━● 2 loss ╌╌╌╌╌╌ 3 zero ╌╌╌╌╌╌ 4 backward ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 5 update ╌╌╌╌╌╌╌
␣ step o over O out h phase S next r run z pause . now  n p view w why F findings ? help q quit""",
        )
