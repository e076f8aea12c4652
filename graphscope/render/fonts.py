"""Which font pictures are set in, and how wide a text is in it.

The font travels with the package, so that ∂ and − come out on machines without fonts,
and it is monospaced, so that every engine agrees on the width of a text without asking
a font library. Source: DejaVu Sans Mono 2.37, subset (licence beside the files).
"""

import unicodedata
from pathlib import Path
from typing import Final

FAMILY: Final = "DejaVu Sans Mono"
CSS_FAMILY: Final = f"{FAMILY}, Menlo, Consolas, monospace"

_FOLDER: Final = Path(__file__).parent / "typeface"
REGULAR_FILE: Final = _FOLDER / "DejaVuSansMono.ttf"
BOLD_FILE: Final = _FOLDER / "DejaVuSansMono-Bold.ttf"

ADVANCE_EM: Final = 1233 / 2048
"""Width of every glyph, in units of the font size: from the font's `hmtx` table."""

_SHIPPED: Final = ((0x20, 0x17F), (0x300, 0x45F), (0x2010, 0x27FF))
"""Blocks of which the font has what pictures use: Latin, Greek, Cyrillic, symbols."""


def count_cells(text: str) -> int:
    """Count the character cells of `text`: East Asian wide characters take two.

    >>> count_cells("∂L/∂w"), count_cells("変数")
    (5, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def text_width(text: str, size: float) -> float:
    """Return the width of `text` in the unit of `size`, the font size."""
    return count_cells(text) * ADVANCE_EM * size


def is_shipped(text: str) -> bool:
    """Whether the shipped font is meant to have all characters of `text`.

    >>> is_shipped("∂L/∂ŷ = −0.1301"), is_shipped("変数")
    (True, False)
    """
    return all(any(low <= ord(c) <= high for low, high in _SHIPPED) for c in text)
