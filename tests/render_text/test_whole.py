"""The text that `print` and the command line show."""

from graphscope.diagram.model import BoxKind
from graphscope.render.text import draw_boxes, draw_rail, to_text
from tests.render_text.diagrams import (
    box,
    diagram,
    diamond,
    logistic,
    perceptron,
    with_cut,
)


def test_title_and_notes_stand_around_the_picture() -> None:
    assert (
        to_text(with_cut(), view="rail")
        == """\
cut.py · step 3

●      w    parameter   2
├─□    y    w * 3       6
┊ ├─□  t    y.detach()  6  cut: detach
┊ □─┘  z    y * t       36
↻      SGD  update      lr 0.1  w 2 → 1.9

2 boxes are not drawn."""
    )


def test_boxes_are_drawn_when_they_fit() -> None:
    width = draw_boxes(logistic()).width
    boxes = "\n".join(draw_boxes(logistic()).lines)
    assert to_text(logistic()) == f"logistic.py · step 0\n\n{boxes}"
    assert to_text(logistic(), width=width) == f"logistic.py · step 0\n\n{boxes}"


def test_the_rail_takes_over_when_boxes_are_too_wide() -> None:
    width = draw_boxes(diamond()).width - 1
    rail = draw_rail(diamond(), width=width)
    assert to_text(diamond(), width=width) == "\n".join(rail.lines)


def test_the_rail_takes_over_above_forty_boxes() -> None:
    assert len(perceptron(9).boxes) == 37
    assert to_text(perceptron(9)).startswith("╭")
    assert to_text(perceptron(10)).startswith("○")
    assert to_text(perceptron(10), view="boxes").startswith("╭")


def test_a_diagram_without_boxes_is_its_title_and_notes() -> None:
    assert to_text(diagram([], [], "Nothing ran.", title="a.py")) == (
        "a.py\n\nNothing ran."
    )


def test_lines_of_a_narrow_rail_fit_where_columns_can_give_way() -> None:
    text = to_text(logistic(), width=46, view="rail")
    assert max(map(len, text.splitlines())) <= 46


def test_title_and_notes_are_cleaned() -> None:
    drawn = diagram(
        [box("a", BoxKind.INPUT, "a")], [], "one\ntwo", title="a\x1b]0;title\x07"
    )
    assert (
        to_text(drawn)
        == """\
a␛]0;title␇

╭─────╮
│ ○ a │
╰─────╯

one␊two"""
    )
