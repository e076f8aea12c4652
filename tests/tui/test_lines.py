import pytest
from rich.cells import cell_len

from graphscope.tui.lines import (
    ListPicture,
    Piece,
    align_point,
    line,
    message_picture,
    pad,
    spread,
)


@pytest.mark.parametrize(
    "text", ["x", "weight_of_layer", "重み付き平均", "e\u0301tat", ""]
)
@pytest.mark.parametrize("width", [0, 1, 2, 5, 9])
def test_padded_text_takes_exactly_the_cells_it_was_given(
    text: str, width: int
) -> None:
    assert cell_len(pad(text, width)) == width


def test_text_that_fits_is_not_cut() -> None:
    assert pad("loss", 4) == "loss"


def test_numbers_stand_under_each_other_by_their_points() -> None:
    numbers = ["3.7", "−0.1301", "14", "0.5", "1.000e−07", "123456789.5"]

    assert [align_point(number, 8) for number in numbers] == [
        "  3.7   ",
        " −0.1301",
        " 14     ",
        "  0.5   ",
        "1.000e−…",
        "1234567…",
    ]


def test_pieces_are_cleaned_of_control_characters_when_made() -> None:
    assert Piece("a\x1b[31mb\x9bc\u202ed").text == "a�[31mb�c�d"


def test_two_groups_share_a_line_when_they_fit_and_two_when_not() -> None:
    left, right = [Piece("z = u + b")], [Piece("f32[1]")]

    assert [row.text for row in spread(left, right, 20)] == ["z = u + b     f32[1]"]
    assert [row.text for row in spread(left, right, 15)] == ["z = u + b", "f32[1]"]


def test_a_message_is_wrapped() -> None:
    picture = message_picture("There is no step to show here.", 14)

    assert [row.text for row in picture.lines] == [
        "There is no",
        "step to show",
        "here.",
    ]


def test_an_empty_picture_has_no_size() -> None:
    assert (ListPicture().width, ListPicture().height) == (0, 0)
    assert line("", Piece("")).pieces == ()
