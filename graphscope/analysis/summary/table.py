"""The summary as text, in the layout of torchsummary.

Source: torchsummary 1.5.1, `summary`, for the headings, the widths and the estimates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_HEADINGS: Final = ("Layer (type)", "Output Shape", "Param #")
_WIDTHS: Final = (20, 25, 15)
_RULE: Final = 64
_MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Footer:
    """The totals below the rows."""

    total: int
    trainable: int
    input_bytes: int
    output_bytes: int
    parameter_bytes: int


def write_table(rows: Sequence[tuple[str, str, int]], footer: Footer) -> str:
    """Write label, shape and count of each row, and the totals.

    Columns become wider than torchsummary's where a text needs it.

    >>> print(write_table([("Linear-1", "[-1, 3]", 15)], Footer(15, 15, 16, 24, 60)))
    ----------------------------------------------------------------
            Layer (type)               Output Shape         Param #
    ================================================================
                Linear-1                    [-1, 3]              15
    ================================================================
    Total params: 15
    Trainable params: 15
    Non-trainable params: 0
    ----------------------------------------------------------------
    Input size (MB): 0.00
    Forward/backward pass size (MB): 0.00
    Params size (MB): 0.00
    Estimated Total Size (MB): 0.00
    ----------------------------------------------------------------
    """
    cells = [_HEADINGS, *((clean(label), s, f"{n:,}") for label, s, n in rows)]
    columns = zip(_WIDTHS, zip(*cells, strict=True), strict=True)
    widths = [max(least, *map(len, column)) for least, column in columns]
    lines = [_line(row, widths) for row in cells]
    rule = max(_RULE, *map(len, lines))
    sizes = footer.input_bytes, footer.output_bytes, footer.parameter_bytes
    return "\n".join(
        [
            "-" * rule,
            lines[0],
            "=" * rule,
            *lines[1:],
            "=" * rule,
            f"Total params: {footer.total:,}",
            f"Trainable params: {footer.trainable:,}",
            f"Non-trainable params: {footer.total - footer.trainable:,}",
            "-" * rule,
            f"Input size (MB): {_megabytes(sizes[0])}",
            f"Forward/backward pass size (MB): {_megabytes(sizes[1])}",
            f"Params size (MB): {_megabytes(sizes[2])}",
            f"Estimated Total Size (MB): {_megabytes(sum(sizes))}",
            "-" * rule,
        ]
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    label, shape, count = (f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))
    return f"{label}  {shape} {count}"


def _megabytes(size: int) -> str:
    """Write a size with two decimals; whole numbers, as sizes of a file may lie."""
    hundredths = (size * 100 + _MEGABYTE // 2) // _MEGABYTE
    return f"{hundredths // 100}.{hundredths % 100:02}"


def clean(text: str) -> str:
    """Replace what is not a visible character: the name is a stranger's."""
    return "".join(char if char.isprintable() else "�" for char in text)
