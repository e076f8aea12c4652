"""The key l: the boxes as a slide would draw them."""

from pathlib import Path

import pytest
from textual.widgets import Input

from graphscope.diagram.options import DiagramOptions
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.box_view import draw_step, picture_boxes
from graphscope.tui.moment import Moment
from graphscope.tui.outline import build_outline
from graphscope.tui.state import Position, View, toggle_lecture
from tests.diagram.sketch import Sketch
from tests.tui.screens import MEDIUM, logistic_app, press, running, screen_text

FORMULA = "l = −[y·log a + (1 − y)·log(1 − a)]"


def boxes_of(app: GraphscopeApp) -> str:
    """Return the whole picture in the graph pane, of which a part is on the screen."""
    picture = app.session.graph_picture(80)
    return "\n".join(picture.line_at(y).text for y in range(picture.height))


def test_the_lecture_view_is_one_of_the_boxes() -> None:
    rail = Position(2, 3, 4)
    shown = toggle_lecture(rail)
    assert shown == Position(2, 3, 4, View.BOXES, lecture=True)
    assert toggle_lecture(shown) == Position(2, 3, 4, View.BOXES)


async def test_l_draws_the_formula_of_the_slide_and_then_the_ops_again() -> None:
    app = logistic_app(2)
    async with running(app, MEDIUM) as pilot:
        await press(pilot, "l", "end")
        assert "boxes · lecture view" in screen_text(app)
        assert FORMULA in boxes_of(app)

        await press(pilot, "l")
        assert "lecture view" not in screen_text(app)
        assert app.position.view is View.BOXES
        assert FORMULA not in boxes_of(app)


async def test_what_is_exported_is_what_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = logistic_app(2)
    async with running(app, MEDIUM) as pilot:
        await press(pilot, "l", "e")
        app.screen.query_one(Input).value = "step.txt"
        await press(pilot, "enter")
        await app.workers.wait_for_complete()
    assert FORMULA in (tmp_path / "step.txt").read_text("utf-8")


def test_every_op_of_a_formula_selects_its_box() -> None:
    s = Sketch()
    x, w, b = s.input("x", 2.0), s.parameter("w", 3.0), s.parameter("b", 1.0)
    product = s.op("matmul", [x, w], 6.0, [3.0, 2.0])
    s.backward(s.op("add", [product, b], 7.0, [1.0, 1.0], named="z"))
    trace = s.trace()
    outline = build_outline(trace.graph)
    drawing = draw_step(trace, outline, DiagramOptions(lecture=True))
    nodes = [outline.of_op[op] for op in (0, 1)]
    assert {drawing.boxes_of_node[node] for node in nodes} == {"op1"}
    picture = picture_boxes(drawing, Moment(trace, 0), outline, nodes[0])
    assert picture.selected == "op1"
