"""The path of the pinned chain rule in the rail and in the boxes."""

import re

from graphscope.tui.lines import Tone
from tests.tui.chains import (
    W_1,
    B,
    pieces,
)
from tests.tui.screens import (
    MEDIUM,
    SMALL,
    logistic_app,
    pane_lines,
    press,
    running,
)


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
