"""How a number of bytes is written."""

from typing import Final

_UNITS: Final = ("", "K", "M", "G", "T")


def format_size(size: int) -> str:
    """Write a number of bytes in the largest unit that keeps it above 1.

    >>> format_size(1 << 30), format_size(1536), format_size(7)
    ('1 GiB', '1.5 KiB', '7 bytes')
    """
    power = min((size.bit_length() - 1) // 10, len(_UNITS) - 1) if size > 0 else 0
    if power == 0:
        return f"{size} bytes"
    return f"{round(size / 1024**power, 1):g} {_UNITS[power]}iB"
