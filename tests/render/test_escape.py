import re
from unicodedata import category

import pytest
from hypothesis import given, strategies as st

from graphscope.render.escape import clean_text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("x_1", "x_1"),
        ('"><script>\\N a|{b} `c`', '"><script>\\N a|{b} `c`'),
        ("a\r\n\tb\u2028c", "a b c"),
        ("\x1b[31mred\x00", "\ufffd[31mred\ufffd"),
        ("right\u202eto left\u2069", "right\ufffdto left\ufffd"),
        ("\ud800 and \uffff", "\ufffd and \ufffd"),
        ("∂ −0.48 名前 😀", "∂ −0.48 名前 😀"),
    ],
)
def test_only_what_no_format_may_see_is_replaced(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


# The characters that XML 1.0 allows, without line breaks.
# Source: https://www.w3.org/TR/xml/#charsets
XML_LINE = re.compile("[\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_any_text_becomes_one_line_that_xml_and_terminals_take(text: str) -> None:
    cleaned = clean_text(text)
    assert XML_LINE.fullmatch(cleaned)
    assert len(cleaned.splitlines()) <= 1
    assert "Cc" not in {category(character) for character in cleaned}
    assert clean_text(cleaned) == cleaned
