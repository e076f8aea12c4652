"""Text measured in terminal cells, and made safe to print.

Names and source text come from whoever made the recording. Characters that move the
cursor, hide themselves or turn the direction of writing are replaced by signs.
"""

from typing import Final
from unicodedata import category, combining, east_asian_width

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_DELETE: Final = 0x7F
_CONTROL_PICTURES: Final = 0x2400
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ASCII: Final = str.maketrans(
    {
        "−": "-",
        "×": "x",
        "·": "*",
        "∂": "d",
        "∇": "grad ",
        "≠": "!=",
        "≤": "<=",
        "≥": ">=",
        "→": "->",
        "←": "<-",
        "⇢": "->",
        "⇠": "<-",
        "…": "...",
        "∞": "inf",
        "√": "sqrt",
        "▲": "!",
        "μ": "mean",
        "σ": "std",
        "⁻": "^-",
        "ⁿ": "^n",
        "ᵀ": "^T",
        **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", (f"^{n}" for n in range(10)), strict=True)),
        **dict(zip("₀₁₂₃₄₅₆₇₈₉", (f"_{n}" for n in range(10)), strict=True)),
    }
)


def cell_width(text: str) -> int:
    r"""Return how many terminal cells the text takes.

    >>> cell_width("z = u"), cell_width("重み"), cell_width("e\u0301")
    (5, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(char_width, text))


def char_width(char: str) -> int:
    """Return how many cells a character takes: 0 (combining), 1, or 2 (wide)."""
    if combining(char) or category(char) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def clean(text: str, *, ascii_only: bool = False) -> str:
    r"""Return the text on one line, everything unprintable replaced by a sign.

    >>> clean("a\x1b[31m\n\u202eb")
    'a␛[31m␊�b'
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, text))
    if ascii_only and not text.isascii():
        text = "".join(c if c.isascii() else "?" for c in text.translate(_ASCII))
    return text


def _visible(char: str) -> str:
    kind = category(char)
    if kind not in _UNSAFE:
        return " " if kind == "Zs" else char
    code = ord(char)
    if code < ord(" "):
        return chr(_CONTROL_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == _DELETE else _REPLACEMENT


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """Cut the text to at most `width` cells.

    >>> clip("binary_cross_entropy", 8), clip("重み付け", 6)
    ('binary_…', '重み…')
    """
    if cell_width(text) <= width:
        return text
    room = width - len(ellipsis)
    kept: list[str] = []
    for char in text:
        room -= char_width(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + ellipsis[: max(width, 0)]


def pad(text: str, width: int) -> str:
    """Fill the text with spaces up to `width` cells."""
    return text + " " * (width - cell_width(text))
