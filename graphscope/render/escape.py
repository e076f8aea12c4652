"""Cleaning of text that came from a user's program, before any format quotes it.

Names, expressions and file names are data from a script or from a stranger's
recording. What a format must not see at all (control characters, lone surrogates,
characters that XML forbids, marks that reorder text) is replaced here, once; each
renderer then quotes the rest by the rules of its own format.
"""

import re
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_BREAKS: Final = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")

# C0 and C1 controls, bidirectional overrides and isolates (they can make a label read
# as another one), lone surrogates (no encoder takes them) and noncharacters (XML 1.0).
_FORBIDDEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def clean_text(text: str) -> str:
    r"""Return `text` on one line, with every forbidden character replaced.

    >>> clean_text("a\n\tb"), clean_text("red \x1b[31m")
    ('a b', 'red �[31m')
    """
    return _FORBIDDEN.sub(REPLACEMENT, _BREAKS.sub(" ", text))
