"""What each part of a picture stands for."""

import pytest
from hypothesis import given, strategies as st

from graphscope.diagram.layout import Rect
from graphscope.diagram.model import BoxKind, Diagram
from graphscope.render.text import Span, SpanKind, TextPicture, draw_boxes, draw_rail
from graphscope.render.text.cells import cell_width
from tests.render_text.diagrams import (
    attention,
    box,
    diagram,
    flow,
    hostile,
    logistic,
    recurrent,
    with_cut,
)

SAMPLES = (logistic, attention, with_cut, hostile, lambda: recurrent(20))


def _pictures() -> list[TextPicture]:
    return [draw(sample()) for draw in (draw_boxes, draw_rail) for sample in SAMPLES]


def _cut(line: str, span: Span) -> str:
    """Return the characters in the cells of a span."""
    column, kept = 0, ""
    for char in line:
        if span.start <= column < span.end:
            kept += char
        column += cell_width(char)
    return kept


def _texts(picture: TextPicture, kind: SpanKind) -> list[str]:
    return [
        _cut(line, span)
        for line, spans in zip(picture.lines, picture.spans, strict=True)
        for span in spans
        if span.kind is kind
    ]


@pytest.mark.parametrize("picture", _pictures())
def test_spans_are_sorted_do_not_overlap_and_cover_every_sign(
    picture: TextPicture,
) -> None:
    assert len(picture.spans) == len(picture.lines)
    for line, spans in zip(picture.lines, picture.spans, strict=True):
        column, outside = 0, ""
        for char in line:
            if not any(s.start <= column < s.end for s in spans):
                outside += char
            column += cell_width(char)
        assert outside.strip() == ""
        ends = [position for span in spans for position in (span.start, span.end)]
        assert ends == sorted(ends)
        assert all(span.start < span.end for span in spans)
        assert line == line.rstrip()


@pytest.mark.parametrize("picture", _pictures())
def test_no_span_of_a_box_lies_outside_of_its_region(picture: TextPicture) -> None:
    for row, spans in enumerate(picture.spans):
        for span in spans:
            if span.box is not None and span.kind is not SpanKind.RAIL:
                region = picture.regions[span.box]
                assert region.y <= row < region.bottom
                assert region.x <= span.start < span.end <= region.right


def test_titles_and_markers_are_their_own_spans() -> None:
    picture = draw_boxes(with_cut())
    assert _texts(picture, SpanKind.TITLE) == ["w", "*", "SGD", "detach", "*"]
    assert _texts(picture, SpanKind.MARKER) == ["● ", "□ ", "↻ ", "□ ", "□ "]
    assert _texts(picture, SpanKind.LABEL) == ["∂ 18", "cut: detach", "∂ 6"]
    assert _texts(picture, SpanKind.HEAD) == ["▼", "▽", "▽", "▽", "▼"]


def test_a_line_of_a_box_knows_its_event() -> None:
    spans = draw_boxes(logistic()).spans
    texts = [s for line in spans for s in line if s.kind is SpanKind.TEXT]
    assert [s.event for s in texts if s.box == "u"] == [0, 0, 7]
    labels = [s for line in spans for s in line if s.kind is SpanKind.LABEL]
    assert [(s.arrow, s.event) for s in labels][:2] == [(1, 8), (2, None)]


def test_an_arrow_is_dimmed_with_the_box_that_it_comes_from() -> None:
    spans = [s for line in draw_boxes(logistic()).spans for s in line]
    assert {s.event for s in spans if s.arrow == 2 and s.kind is SpanKind.HEAD} == {0}


def test_a_row_of_a_rail_has_the_gradient_apart() -> None:
    picture = draw_rail(logistic())
    row = picture.spans[2]
    assert [(s.kind, s.box, s.event) for s in row] == [
        (SpanKind.MARKER, "u", 0),
        (SpanKind.RAIL, "u", None),
        (SpanKind.RAIL, "w", None),
        (SpanKind.TITLE, "u", 0),
        (SpanKind.TEXT, "u", 0),
        (SpanKind.TEXT, "u", 0),
        (SpanKind.GRADIENT, "u", 7),
    ]
    assert picture.regions["u"] == Rect(0, 2, 39, 1)


def test_arrows_that_are_too_long_are_named_at_both_ends() -> None:
    picture = draw_boxes(recurrent(20))
    names = _texts(picture, SpanKind.STUB)
    assert names[:2] == ["⇢ linear", "⇢ linear"]
    assert "⇢ 13 more" in names
    assert names.count("⇠ W_hh") == names.count("⇠ W_ih") == 16


@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_any_text_keeps_the_frame_aligned(title: str, label: str) -> None:
    drawn: Diagram = diagram(
        [box("a", BoxKind.INPUT, title, label), box("b", BoxKind.OPERATION, "b")],
        [flow("a", "b", label)],
    )
    picture = draw_boxes(drawn)
    region = picture.regions["a"]
    for line in picture.lines[region.y : region.bottom]:
        assert cell_width(line) == region.right
        assert line.strip()[-1] in "╮│╯"
    assert all(line.isprintable() for line in picture.lines)
    assert all(line.isprintable() for line in draw_rail(drawn).lines)


@given(st.text(min_size=1, max_size=30))
def test_ascii_pictures_are_ascii(title: str) -> None:
    drawn = diagram([box(kind, kind, title) for kind in BoxKind], [])
    assert "".join(draw_boxes(drawn, ascii_only=True).lines).isascii()
    assert "".join(draw_rail(drawn, ascii_only=True).lines).isascii()
