"""A marked path stands out in characters, also in plain ones."""

from dataclasses import replace

import pytest

from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Diagram, Line
from graphscope.render.text import draw_boxes, draw_rail
from graphscope.render.text.glyphs import EAST, NORTH, SOUTH, WEST, weave
from tests.render_text.diagrams import diagram


def branching() -> Diagram:
    """w is read by f and g; only the way through f is marked."""
    boxes = (
        Box("w", BoxKind.PARAMETER, "w", is_highlighted=True),
        Box("f", BoxKind.OPERATION, "f", is_highlighted=True),
        Box("g", BoxKind.OPERATION, "g"),
        Box("l", BoxKind.ROOT, "l", is_highlighted=True),
    )
    arrows = (
        Arrow("w", "f", label=Line("∂ 3"), is_highlighted=True),
        Arrow("w", "g"),
        Arrow("f", "l", is_highlighted=True),
        Arrow("g", "l", ArrowKind.CUT),
    )
    return diagram(list(boxes), list(arrows))


def test_frames_and_arrows_on_the_path_are_heavy() -> None:
    assert (
        "\n".join(draw_boxes(branching()).lines)
        == """\
     ┏━━━━━┓
     ┃ ● w ┃
     ┗━━┳━━┛
   ┏━━━━┹────╮
   ┃ ∂ 3     │
   ▼         ▼
┏━━━━━┓   ╭─────╮
┃ □ f ┃   │ □ g │
┗━━┳━━┛   ╰──┬──╯
   ┗━━┓   ╭╌╌╯
      ▼   ▽
     ┏━━━━━┓
     ┃ ◆ l ┃
     ┗━━━━━┛"""
    )


def test_without_line_characters_the_path_is_double() -> None:
    assert (
        "\n".join(draw_boxes(branching(), ascii_only=True).lines)
        == """\
     +=====+
     H @ w H
     +==+==+
   +====+----+
   H d 3     |
   V         V
+=====+   +-----+
H # f H   | # g |
+==+==+   +--+--+
   +==+   +..+
      V   v
     +=====+
     H * l H
     +=====+"""
    )


def test_rows_on_the_path_have_a_mark_in_front() -> None:
    assert (
        "\n".join(draw_rail(branching()).lines)
        == """\
┃ ●    w  parameter
┃ ├─□  f  operation
  □ │  g  operation
┃ ◆─┘  l  result     cut"""
    )
    assert [line[:2] for line in draw_rail(branching(), ascii_only=True).lines] == [
        "H ",
        "H ",
        "  ",
        "H ",
    ]


def test_a_row_without_a_path_has_no_room_for_the_mark() -> None:
    plain = replace(
        branching(),
        boxes=tuple(replace(b, is_highlighted=False) for b in branching().boxes),
    )
    assert draw_rail(plain).lines[0].startswith("●")


@pytest.mark.parametrize(
    ("bits", "heavy", "glyph"),
    [
        (NORTH | SOUTH, NORTH | SOUTH, "┃"),
        (NORTH | EAST, 0, "╰"),
        (NORTH | EAST, NORTH | EAST, "┗"),
        (NORTH | SOUTH | EAST, NORTH | SOUTH, "┠"),
        (NORTH | SOUTH | EAST, NORTH | EAST, "┡"),
        (EAST | WEST | SOUTH, EAST | WEST, "┯"),
        (NORTH | EAST | SOUTH | WEST, NORTH | SOUTH, "╂"),
    ],
)
def test_a_junction_is_heavy_only_where_the_path_goes(
    bits: int, heavy: int, glyph: str
) -> None:
    assert weave(bits, heavy) == glyph
