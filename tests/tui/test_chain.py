# ruff: noqa: E501 - screens are as wide as they are
"""The chain rule that `c` pins: its panel, its factors, its path in the graph."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from textual.events import MouseScrollDown

import graphscope as gs
from graphscope.analysis.chain import find_chain_rule
from graphscope.errors import NotRecordedError
from graphscope.model.graph import Phase
from graphscope.model.trace import Trace
from graphscope.tui import chain_answer, chain_panel
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.chain_answer import order_roots
from graphscope.tui.chain_view import picture_rule
from graphscope.tui.lines import Tone
from graphscope.tui.moment import Moment
from tests.samples import logistic_trace, logistic_traces
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
    screen_lines,
    screen_text,
    settle,
)

X_1, W_1, U, B, Z, A, Y, L = range(8)  # rows of the logistic outline


def back(loss: torch.Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]


def traced(program: Callable[[], Any]) -> Trace:
    """Run a program and return its step."""
    with gs.trace() as t:
        program()
    return t.last.trace


def lecture() -> None:
    x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)  # noqa: E741 - the lecture's name
    back(l)


def row_of(app: GraphscopeApp, name: str) -> int:
    """Return the row of a name."""
    return next(entry.node for entry in app.list_entries() if entry.name == name)


def pieces(app: GraphscopeApp, name: str, tone: Tone) -> list[str]:
    """Return what a pane writes in a tone, without spaces around it."""
    picture = pane(app, name).picture
    lines = [picture.line_at(y) for y in range(picture.height)]
    return [p.text.strip() for line in lines for p in line.pieces if p.tone is tone]


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


async def test_the_panel_does_not_change_its_height_while_factors_come() -> None:
    app = open_app([traced(lecture)])
    async with running(app, SMALL) as pilot:
        app.select_node(row_of(app, "w_1"))
        heights = set()
        for key in ("c", "b", "n", "n", "n", "n", "n", "home"):
            await press(pilot, key)
            heights.add(pane(app, "chain").size.height)

    # names, numbers, and a line for each of the two checks
    assert heights == {4}


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


async def test_the_rail_marks_the_path_and_writes_the_factors_in_its_rows() -> None:
    app = logistic_app(3)
    async with running(app, SMALL) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "b", "n")

        assert pane_lines(app, "graph") == [
            "●     x_1 input                        3.7",
            "│ ◆   w_1 parameter                    0.5     ∂ −0.4814",
            "◆─┘   u   x_1 * w_1                    1.85    ∂ −0.1301  ∂u/∂w₁ = ?",
            "│ ●   b   parameter                    0.05    ∂ −0.1301",
            "◆─┘   z   u + b                        1.9     ∂ −0.1301  ∂z/∂u = ?",
            "◆   ▶ a   sigmoid(z)                   0.8699  ∂ −1.1496  ∂a/∂z = 0.1132",
            "│ ●   y   input                        1",
            "◆─┘   l   binary_cross_entropy(a, y)   0.1394  ∂  1       ∂L/∂a = −1.1496",
        ]
        assert pieces(app, "graph", Tone.FRESH) == ["∂a/∂z = 0.1132"]
        assert pieces(app, "graph", Tone.PATH) == ["◆"] * 5


async def test_where_the_rail_has_no_room_the_factors_share_the_formulas_column() -> (
    None
):
    app = logistic_app(3)
    async with running(app, MEDIUM) as pilot:
        app.select_node(W_1)
        await press(pilot, "c", "b", "n", "n", "n", "n", "p")

        assert pane_lines(app, "graph")[2:] == [
            "◆─┘   u   x_1 * w_1     ∂u/∂w₁ = ?     1.85    ∂ −0.1301",
            "│ ● ▶ b   parameter                    0.05    ∂ −0.1301",
            "◆─┘   z   u + b            ∂z/∂u = 1   1.9     ∂ −0.1301",
            "◆     a   sigmoid(z)  ∂a/∂z = 0.1132   0.8699  ∂ −1.1496",
            "│ ●   y   input                        1",
            "◆─┘   l   binary_cr… ∂L/∂a = −1.1496   0.1394  ∂  1",
        ]


async def test_in_the_future_the_marks_of_the_path_are_hollow() -> None:
    app = logistic_app(3)
    async with running(app, SMALL) as pilot:
        app.select_node(W_1)
        await press(pilot, "c")
        dots = [row[:3] for row in pane_lines(app, "graph")]

    assert dots == ["●  ", "│ ◆", "◆─┘", "│ ●", "◇─┘", "◇  ", "│ ●", "◇─┘"]


async def test_the_boxes_mark_the_path_with_heavy_lines() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(B)
        await press(pilot, "v", "c", "end")
        text = "\n".join(pane_lines(app, "graph"))

        titles = re.findall(r"┃ [●□] (\S+)", text)
        assert titles == ["b", "+", "sigmoid", "binary_cross_entropy"]
        assert "┏━━━━━━━━━━━┓" in pieces(app, "graph", Tone.PATH)

        await press(pilot, "escape")
        assert "┏" not in "\n".join(pane_lines(app, "graph"))


async def test_the_variables_boxes_write_the_product_so_far() -> None:
    app = logistic_app(3)
    async with running(app) as pilot:
        app.select_node(W_1)
        await press(pilot, "v", "s", "c", "end")

        text = "\n".join(pane_lines(app, "graph"))
        assert "so far 1 · −1.1496 · 0.1132 = −0.1301" in text


def two_paths() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    u = w * 3
    v = w**2
    s = u * v
    l = s + u  # noqa: E741 - the lecture's name
    back(l)


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
        app._show()  # as when a new step was recorded
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


def norm_of_gradient(layer: torch.nn.Module) -> float:
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    assert weight.grad is not None
    return float(weight.grad.norm())


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
        assert lines[1].split()[0] == "∂t/∂0.weight"
        assert f"gradient there {norm:.4f}" in lines[1]
        assert "finite difference: " in " ".join(lines)


def accumulated() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    first = w * 3
    back(first)
    second = w * 5
    back(second)


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
