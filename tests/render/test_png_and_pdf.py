import base64
import re
import struct
import zlib

import pytest
from reportlab.pdfbase.ttfonts import TTFontFile

from graphscope.diagram.model import Box, BoxKind, Diagram, Line, Style
from graphscope.diagram.palette import MARKERS
from graphscope.render.engines import arrange
from graphscope.render.fonts import (
    ADVANCE_EM,
    BOLD_FILE,
    REGULAR_FILE,
    is_shipped,
    text_width,
)
from graphscope.render.pdf import PDF_FAMILY, to_pdf
from graphscope.render.png import to_png
from graphscope.render.svg import to_svg, write_svg
from tests.render.pictures import HOSTILE, chain, one_box, product

SYMBOLS = "∂−²₁→μσⁿ√∑·×∞≈≤ŷθΔ…‖▶│" + "".join(MARKERS.values())


def saying(text: str) -> Diagram:
    box = Box("v", BoxKind.VALUE, text, (Line(text),))
    return Diagram("", Style.VARIABLES, (box,), ())


def png_size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def pdf_of(diagram: Diagram) -> bytes:
    svg = write_svg(diagram, arrange(diagram, engine="builtin"), family=PDF_FAMILY)
    return to_pdf(svg, title=diagram.title)


def pdf_streams(pdf: bytes) -> list[bytes]:
    found = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    packed = [data if data[:1] == b"x" else a85(data) for data in found]
    # An object, because a line break of the PDF may follow the data.
    return [zlib.decompressobj().decompress(data) for data in packed]


def a85(text: bytes) -> bytes:
    return base64.a85decode(text.strip().removesuffix(b"~>"))


@pytest.mark.parametrize("path", [REGULAR_FILE, BOLD_FILE], ids=lambda path: path.stem)
def test_the_shipped_font_has_what_pictures_say_in_one_width(path: object) -> None:
    face = TTFontFile(str(path))
    latin = "".join(map(chr, range(0x20, 0x7F)))
    for character in SYMBOLS + latin:
        assert ord(character) in face.charToGlyph
        assert round(face.charWidths[ord(character)]) == round(1000 * ADVANCE_EM)


def test_its_licence_is_shipped_with_the_font() -> None:
    licence = REGULAR_FILE.with_name("LICENSE-DejaVu.txt").read_text("utf-8")
    assert "Bitstream Vera Fonts Copyright" in licence
    assert "Arev Fonts Copyright" in licence


def test_wide_characters_take_two_cells() -> None:
    assert text_width("ab", 10) == text_width("変", 10) == 20 * ADVANCE_EM


def test_a_png_has_two_pixels_for_each_unit_of_the_svg() -> None:
    svg = to_svg(product(), engine="builtin")
    assert 'width="298"' in svg
    assert png_size(to_png(svg))[0] == 596
    assert to_png(svg) == to_png(svg)


def test_a_png_shows_each_symbol_as_its_own_glyph() -> None:
    assert is_shipped(SYMBOLS)
    pictures = {to_png(to_svg(saying(symbol), engine="builtin")) for symbol in SYMBOLS}
    assert len(pictures) == len(set(SYMBOLS))


def test_a_huge_png_is_scaled_down_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    png = to_png(to_svg(chain(60), engine="builtin"), max_side_px=1000)
    assert max(png_size(png)) == 1000
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(
        r"graphscope: the PNG would be \d+ pixels long; it is scaled down to 1000\. "
        r"Export \.svg or \.pdf to keep every detail\.\n",
        captured.err,
    )


def test_a_pdf_can_be_searched_for_every_symbol() -> None:
    maps = [s.decode("latin-1") for s in pdf_streams(pdf_of(saying(SYMBOLS)))]
    known = {
        int(code, 16)
        for text in maps
        if "beginbfrange" in text or "beginbfchar" in text
        for code in re.findall(r"<([0-9A-Fa-f]{4})>", text)
    }
    assert set(map(ord, SYMBOLS)) <= known


def test_a_pdf_of_the_same_picture_is_the_same() -> None:
    assert pdf_of(product()) == pdf_of(product())


def test_a_pdf_names_its_picture_and_embeds_only_our_font() -> None:
    pdf = pdf_of(product())
    assert b"DejaVuSansMono-Bold" in pdf
    assert pdf.count(b"/FontFile2") == 2
    assert pdf.startswith(b"%PDF-1.")
    assert pdf.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_makes_a_png_and_a_pdf_without_actions(text: str) -> None:
    diagram = one_box(text)
    width, height = png_size(to_png(to_svg(diagram, engine="builtin")))
    assert 100 < width < 3000
    assert 100 < height < 3000
    pdf = pdf_of(diagram)
    assert b"/JavaScript" not in pdf
    assert b"/URI" not in pdf
    assert b"/Launch" not in pdf
