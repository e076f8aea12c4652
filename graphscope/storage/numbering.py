"""The true numbers of the steps that a recording holds, and which are missing.

Separate from reading: positions in a recording are dense, step numbers have holes
where a step was thinned or dropped, and everything that talks to the user needs both.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from graphscope.model.trace import Recording
from graphscope.storage.head import StepHead


def number_steps(
    steps: Sequence[tuple[int, StepHead | None]], shift: int = 0
) -> list[int]:
    """Return the number of each step; a damaged one counts on from the one before.

    Args:
        steps: Row and head of each.
        shift: How far the number of the step before them is from its row.

    >>> number_steps([(0, None), (3, None)]), number_steps([(4, None)], 2)
    ([0, 3], [6])
    """
    numbers: list[int] = []
    for row, head in steps:
        if head is not None:
            shift = head.step - row
        numbers.append(row + shift)
    return numbers


def find_missing(numbers: Sequence[int]) -> tuple[range, ...]:
    """Return the runs of numbers that are skipped between the first and the last.

    >>> find_missing([0, 4, 8, 9])
    (range(1, 4), range(5, 8))
    """
    return tuple(range(a + 1, b) for a, b in pairwise(numbers) if b > a + 1)


def step_numbers(recording: Recording) -> Sequence[int]:
    """Return the number of each step of any recording, by position.

    A recording that does not tell them has no holes.
    """
    numbers: Sequence[int] | None = getattr(recording, "numbers", None)
    return range(len(recording)) if numbers is None else numbers


def find_position(numbers: Sequence[int], number: int) -> int | None:
    """Return where step `number` is, None when it is not there.

    >>> find_position([0, 4, 8], 4), find_position([0, 4, 8], 5)
    (1, None)
    """
    try:
        return numbers.index(number)
    except ValueError:
        return None


def nearest_numbers(numbers: Sequence[int], number: int) -> Sequence[int]:
    """Return the last number before `number` and the first after it, as there are.

    >>> nearest_numbers([0, 4, 8], 5), nearest_numbers([0, 4, 8], 9)
    ([4, 8], [8])
    """
    ordered = sorted(numbers)
    place = bisect_left(ordered, number)
    return ordered[max(place - 1, 0) : place + 1]


def describe_missing(numbers: Sequence[int]) -> str:
    """Say in a few words how many steps are missing; nothing when none is.

    >>> describe_missing([0, 4, 8, 9])
    '6 of 10 missing'
    """
    missing = sum(len(run) for run in find_missing(numbers))
    return f"{missing:,} of {missing + len(numbers):,} missing" if missing else ""
