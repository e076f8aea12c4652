import re

import pytest

from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind
from graphscope.diagram.palette import (
    ARROW_PAINT,
    BACKGROUND,
    HIGHLIGHT,
    MARKERS,
    PALETTE,
    paint_arrow,
    paint_box,
)


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.1, definition of relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    low, high = 0.04045, 2.4
    red, green, blue = (
        c / 12.92 if c <= low else ((c + 0.055) / 1.055) ** high for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white_is_twenty_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("kind", BoxKind)
def test_text_in_a_box_is_legible(kind: BoxKind) -> None:
    paint = PALETTE[kind]
    assert contrast(paint.text, paint.fill) >= 4.5


@pytest.mark.parametrize("kind", BoxKind)
def test_the_border_of_a_box_stands_out_from_the_page_and_from_its_fill(
    kind: BoxKind,
) -> None:
    paint = PALETTE[kind]
    assert contrast(paint.stroke, BACKGROUND) >= 3
    assert contrast(paint.stroke, paint.fill) >= 3


@pytest.mark.parametrize("kind", ArrowKind)
def test_an_arrow_and_its_label_are_legible_on_the_page(kind: ArrowKind) -> None:
    paint = ARROW_PAINT[kind]
    assert contrast(paint.stroke, BACKGROUND) >= 3
    assert contrast(paint.text, BACKGROUND) >= 4.5


def test_only_six_digit_hex_colours_are_used() -> None:
    colours = {BACKGROUND}
    for paint in PALETTE.values():
        colours |= {paint.fill, paint.stroke, paint.text}
    for line in ARROW_PAINT.values():
        colours |= {line.stroke, line.text}
    assert [c for c in colours if not re.fullmatch("#[0-9a-f]{6}", c)] == []


def test_every_kind_can_be_told_apart_without_colour() -> None:
    assert set(MARKERS) == set(BoxKind)
    assert len(set(MARKERS.values())) == len(BoxKind)
    assert {len(marker) for marker in MARKERS.values()} == {1}


def test_a_cut_arrow_is_dashed_and_a_flow_is_not() -> None:
    assert ARROW_PAINT[ArrowKind.CUT].dash == (6, 4)
    assert ARROW_PAINT[ArrowKind.FLOW].dash == ()


def test_the_colour_of_a_path_is_legible_on_the_page() -> None:
    assert contrast(HIGHLIGHT.stroke, BACKGROUND) >= 3
    assert contrast(HIGHLIGHT.text, BACKGROUND) >= 4.5


@pytest.mark.parametrize("kind", BoxKind)
def test_a_box_beside_a_path_is_paler_and_still_legible(kind: BoxKind) -> None:
    usual, pale = PALETTE[kind], paint_box(Box("b", kind, "b"), has_highlight=True)
    assert contrast(pale.stroke, BACKGROUND) < contrast(usual.stroke, BACKGROUND)
    assert contrast(pale.text, pale.fill) >= 4.5


@pytest.mark.parametrize("kind", ArrowKind)
def test_an_arrow_beside_a_path_is_paler_and_its_label_still_legible(
    kind: ArrowKind,
) -> None:
    usual, pale = (
        ARROW_PAINT[kind],
        paint_arrow(Arrow("a", "b", kind), has_highlight=True),
    )
    assert contrast(pale.stroke, BACKGROUND) < contrast(usual.stroke, BACKGROUND)
    assert contrast(pale.text, BACKGROUND) >= 4.5
    assert pale.dash == usual.dash


def test_without_a_path_colours_are_the_usual_ones() -> None:
    box = Box("b", BoxKind.INPUT, "b")
    assert paint_box(box, has_highlight=False) == PALETTE[BoxKind.INPUT]
    arrow = Arrow("a", "b", ArrowKind.DATA)
    assert paint_arrow(arrow, has_highlight=False) == ARROW_PAINT[ArrowKind.DATA]
