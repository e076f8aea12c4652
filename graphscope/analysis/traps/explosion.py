"""Where a loss explodes: a judgement on the numbers of a loss curve alone.

Separate from the learning rate, which is one reason for it, because it reads losses
and no step, and so can be asked of a long recording.
"""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final

RISES: Final = 3
"""Steps in a row in which the loss becomes larger, before anything is said."""

PATIENCE: Final = 100
"""Steps in which a training may come back to where it was before the loss exploded."""

_FACTOR: Final = 100.0
"""How much larger the loss is in the end than before the first of them, at least."""
_BEYOND: Final = 10.0
"""How much larger than it ever was before, at least: not a bounce on the way down."""

Losses = Sequence[float | None]


def rising_runs(losses: Losses) -> Iterator[tuple[int, int]]:
    """Yield first and last position of each run in which every loss is larger.

    >>> list(rising_runs([3.0, 1.0, 20.0, 400.0, 8000.0, 2.0]))
    [(1, 4)]
    """
    start = 0
    for end in range(1, len(losses) + 1):
        if end < len(losses) and is_rise(losses[end - 1], losses[end]):
            continue
        if end - 1 - start >= RISES:
            yield start, end - 1
        start = end


def is_rise(before: float | None, after: float | None) -> bool:
    """Whether a loss became larger; NaN and Inf are larger too.

    >>> is_rise(1.0, 2.0), is_rise(2.0, float("nan")), is_rise(2.0, 1.0)
    (True, True, False)
    """
    if before is None or after is None or not isfinite(before) or before <= 0:
        return False
    return not after <= before


def has_exploded(losses: Losses, start: int, end: int, *, since: int = 0) -> bool:
    """Whether a loss has grown by orders of magnitude from `start` to `end`.

    Args:
        losses: The loss of each step.
        start: The first step of a run of rises.
        end: The last one.
        since: Where the training began that the run belongs to.

    >>> has_exploded([3.0, 1.0, 20.0, 400.0, 8000.0], 1, 4)
    True
    >>> has_exploded([5.0, 1e-4, 1e-3, 1e-2, 0.5], 1, 4)  # it only bounced
    False
    >>> has_exploded([1.0, 2.0, 3.0, float("nan")], 0, 3)  # something else made it NaN
    False
    """
    run = [number for number in losses[start : end + 1] if number is not None]
    finite = [number for number in run if isfinite(number)]
    if len(run) <= RISES or not finite:
        return False
    before = losses[since : start + 1]
    highest = max(n for n in before if n is not None and isfinite(n))
    if len(finite) < len(run):
        return finite[-1] >= _BEYOND * finite[0]
    return finite[-1] >= _FACTOR * finite[0] and finite[-1] >= _BEYOND * highest
