"""Whole rail pictures of small graphs, as they appear in a terminal."""

from graphscope.diagram.model import Arrow, ArrowKind, BoxKind
from graphscope.render.text import draw_rail
from tests.render_text.diagrams import (
    attention,
    box,
    diagram,
    hostile,
    logistic,
    perceptron,
    recurrent,
    with_cut,
)


def _picture(lines: tuple[str, ...]) -> str:
    return "\n" + "\n".join(lines)


def test_the_logistic_example() -> None:
    picture = draw_rail(logistic())
    assert (
        _picture(picture.lines)
        == """
○    x_1  input       3.7
│ ●  w_1  parameter   0.5     ∂ −0.4814
□─┘  u    x_1 * w_1   1.85    ∂ −0.1301
│ ●  b    parameter   0.05    ∂ −0.1301
□─┘  z    u + b       1.9     ∂ −0.1301
□    a    sigmoid(z)  0.8699  ∂ −1.1496
│ ○  y    input       1
□─┘  l    bce(a, y)   0.1394  ∂ 1
◆    l    result      0.1394  ∂ 1"""
    )


def test_columns_give_way_when_the_line_is_too_long() -> None:
    picture = draw_rail(logistic(), width=36)
    assert (
        _picture(picture.lines)
        == """
○    x_1  input     3.7
│ ●  w_1  paramet…  0.5     ∂ −0.48…
□─┘  u    x_1 * w…  1.85    ∂ −0.13…
│ ●  b    paramet…  0.05    ∂ −0.13…
□─┘  z    u + b     1.9     ∂ −0.13…
□    a    sigmoid…  0.8699  ∂ −1.14…
│ ○  y    input     1
□─┘  l    bce(a,…   0.1394  ∂ 1
◆    l    result    0.1394  ∂ 1"""
    )


def test_attention() -> None:
    picture = draw_rail(attention())
    assert (
        _picture(picture.lines)
        == """
○        x           input
│ ●      q.weight    parameter
├─□      linear      operation
│ │ ●    k.weight    parameter
├─│─□    linear      operation
│ │ │ ●  v.weight    parameter
├─│─│─□  linear      operation
│ │ □ │  transpose   operation
│ □─┘ │  @           operation
│ │ · │  8
│ □─┘ │  /           operation
│ □   │  softmax     operation
│ □───┘  @           operation
│ │ ●    out.weight  parameter
│ □─┘    linear      operation
□─┘      +           operation"""
    )


def test_shared_weights_stay_in_their_lanes() -> None:
    picture = draw_rail(recurrent(2))
    assert (
        _picture(picture.lines)
        == """
●        W_hh    parameter
│ ●      W_ih    parameter
│ │ ○    h_0     input
│ │ │ ○  x_0     input
├─│─□ │  linear  operation
│ ├─│─□  linear  operation
│ │ □─┘  +       operation
│ │ □    tanh    operation
│ │ │ ○  x_1     input
□─│─┘ │  linear  operation
│ □───┘  linear  operation
□─┘      +       operation
□        tanh    operation"""
    )


def test_parameters_join_from_the_right() -> None:
    picture = draw_rail(perceptron(2))
    assert (
        _picture(picture.lines)
        == """
○      x         input
│ ●    0.weight  parameter
│ │ ●  0.bias    parameter
□─┴─┘  linear    operation
□      relu      operation
│ ●    1.weight  parameter
│ │ ●  1.bias    parameter
□─┴─┘  linear    operation
□      relu      operation"""
    )


def test_cuts_and_updates_are_dashed() -> None:
    picture = draw_rail(with_cut())
    assert (
        _picture(picture.lines)
        == """
●      w    parameter   2
├─□    y    w * 3       6
┊ ├─□  t    y.detach()  6  cut: detach
┊ □─┘  z    y * t       36
↻      SGD  update      lr 0.1  w 2 → 1.9"""
    )


def test_pictures_in_ascii() -> None:
    picture = draw_rail(with_cut(), ascii_only=True)
    assert (
        _picture(picture.lines)
        == """
@      w    parameter   2
+-#    y    w * 3       6
: +-#  t    y.detach()  6  cut: detach
: #-+  z    y * t       36
!      SGD  update      lr 0.1  w 2 -> 1.9"""
    )


def test_control_characters_are_visible_and_wide_characters_align() -> None:
    picture = draw_rail(hostile(), max_label_width=12)
    assert (
        _picture(picture.lines)
        == """
○    a␛[31m␊�b     input
│ ●  重み重み重…   parameter  é 😀 ok
□─┘  ]|{}<script>  operation"""
    )


def test_the_parameters_of_a_large_optimizer_have_no_rails() -> None:
    names = ("a", "b", "c", "d", "e")
    boxes = [box(name, BoxKind.PARAMETER, name) for name in names]
    update = box("s", BoxKind.UPDATE, "SGD")
    few = [Arrow(name, "s", ArrowKind.UPDATE) for name in names[:2]]
    many = [Arrow(name, "s", ArrowKind.UPDATE) for name in names]
    assert (
        _picture(draw_rail(diagram([*boxes[:2], update], few)).lines)
        == """
●    a    parameter
┊ ●  b    parameter
↻─┘  SGD  update"""
    )
    assert (
        _picture(draw_rail(diagram([*boxes, update], many)).lines)
        == """
●  a    parameter
●  b    parameter
●  c    parameter
●  d    parameter
●  e    parameter
↻  SGD  update"""
    )


def test_what_no_rail_leads_to_is_named_after_the_columns() -> None:
    boxes = [box(str(i), BoxKind.INPUT, f"x{i}") for i in range(3)]
    arrows = [Arrow(str(i), "s") for i in range(3)]
    drawn = diagram([box("s", BoxKind.OPERATION, "sum"), *boxes], arrows)
    assert draw_rail(drawn).lines[0] == "□  sum  operation  ⇠ x0, x1 and 1 more"
