"""Sizes as people write them: `500M`, `2G`."""

import re
from typing import Final

import typer

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS: Final = ("", "K", "M", "G", "T")
_MOST: Final = 1 << 60


def read_size(text: str | int) -> int:
    """Return how many bytes `text` means; units are powers of 1024.

    >>> read_size("500M"), read_size("1.5KiB"), read_size("4096")
    (524288000, 1536, 4096)

    Raises:
        typer.BadParameter: It is no size, or none of at least a byte.
    """
    found = _SIZE.fullmatch(str(text).strip())
    if found is not None:
        size = float(found[1]) * 1024 ** _UNITS.index(found[2].upper())
        if 1 <= size <= _MOST:
            return int(size)
    raise typer.BadParameter(
        f"{str(text)!r} is no size: write a number of bytes, or one with K, M, G or T"
        " behind it, such as 500M or 2G."
    )
