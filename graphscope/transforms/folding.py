"""Which part of a long sequence to leave out, keeping its beginning and its end."""

from collections.abc import Callable


def middle_of(count: int, kept: int) -> tuple[int, int]:
    """Return start and stop of the middle, with `kept` items before and after it.

    >>> middle_of(10, 3)
    (3, 7)
    """
    return kept, max(kept, count - kept)


def largest_that_fits(limit: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number from 0 to `limit` for which `fits` holds.

    `fits` must hold up to some number and not after it; 0 is taken without asking.

    >>> largest_that_fits(100, lambda n: n * n <= 50)
    7
    """
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
