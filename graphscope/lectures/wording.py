"""Results as short text: what was recorded beside what the lecture prints."""

from collections.abc import Sequence
from typing import Any, Final

from graphscope.lectures.comparing import Comparison
from graphscope.lectures.oracles import Oracle
from graphscope.model.numbers import format_number

HEADINGS: Final = ("result", "recorded", "lecture", "")
ABSENT: Final = "–"

_SHOWN: Final = 5
_DIGITS: Final = 6
"""Where recorded and printed number differ, both get enough digits to see it."""


def format_result(found: Any, digits: int | None = None) -> str:
    """Write a number, a text, or nested lists, cut after five items each.

    With `digits`, fractions get so many significant ones.

    >>> format_result([[1.0, -0.5], [3.0, 4.0]]), format_result("torch.int64")
    ('[[1, −0.5], [3, 4]]', 'torch.int64')
    >>> format_result(list(range(9))), format_result(None)
    ('[0, 1, 2, 3, 4, … 9]', 'None')
    """
    if isinstance(found, str) or found is None:
        return str(found) or "''"
    if digits is not None and isinstance(found, float) and not found.is_integer():
        return f"{found:.{digits}g}".replace("-", "−")
    if isinstance(found, int | float):
        return format_number(found)
    if isinstance(found, Sequence):
        items = [format_result(item, digits) for item in found[:_SHOWN]]
        more = [f"… {len(found)}"] if len(found) > _SHOWN else []
        return f"[{', '.join([*items, *more])}]"
    return str(found)


def compare_rows(
    oracle: Oracle, comparisons: Sequence[Comparison]
) -> list[tuple[str, ...]]:
    """Return a table: each result as it was recorded, and as the lecture prints it.

    The last column says whether recorded and torch agree, and whether the lecture
    prints something else.
    """
    rows: list[tuple[str, ...]] = [HEADINGS]
    for found in comparisons:
        printed = found.key in oracle.printed
        digits = _DIGITS if printed and not found.is_as_printed else None
        rows.append(
            (
                found.key,
                found.problem or format_result(found.found, digits),
                format_result(found.printed, digits) if printed else ABSENT,
                _verdict(found, is_printed=printed),
            )
        )
    only_printed = [key for key in oracle.printed if key not in oracle.torch]
    rows += [
        (key, ABSENT, format_result(oracle.printed[key]), "not reproducible")
        for key in only_printed
    ]
    return rows


def _verdict(found: Comparison, *, is_printed: bool) -> str:
    if not found.agrees:
        return f"✗ torch gives {format_result(found.torch)}"
    if is_printed and not found.is_as_printed:
        return "✓ as torch; the lecture differs"
    return "✓"
