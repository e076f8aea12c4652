"""An example's recorded numbers beside those of torch and of the lecture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from graphscope.lectures.oracles import Oracle
from graphscope.lectures.readings import ReadingError, evaluate_reading
from graphscope.lectures.running import Run

_ROUNDED: Final = 5e-9
"""The oracles' numbers are written with nine digits."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One result of an example.

    Attributes:
        key: Its name.
        found: What was recorded.
        is_recorded: Whether it was read off the recording, not handed back.
        torch: What torch gives.
        printed: What the lecture prints; None when it prints nothing.
        agrees: Whether recorded and torch's number agree within the tolerance.
        is_as_printed: Whether the lecture prints the same.
        problem: Why it could not be read.
    """

    key: str
    found: Any
    is_recorded: bool
    torch: Any
    printed: Any
    agrees: bool
    is_as_printed: bool
    problem: str = ""


def compare(
    oracle: Oracle, run: Run, readings: Mapping[str, str]
) -> tuple[Comparison, ...]:
    """Read every result of an example and compare it with the oracle.

    Results for which there is no reading are those that the example handed back.
    """
    return tuple(_compare(key, oracle, run, readings) for key in oracle.torch)


def _compare(
    key: str, oracle: Oracle, run: Run, readings: Mapping[str, str]
) -> Comparison:
    expected, printed = oracle.torch[key], oracle.printed.get(key)
    found: Any = run.returned.get(key)
    problem = ""
    if key in readings:
        try:
            found = evaluate_reading(readings[key], run)
        except ReadingError as error:
            problem = str(error)
    elif key not in run.returned:
        problem = "The example neither has a reading for it nor hands it back."
    tolerances = (oracle.tolerance_of(key), oracle.rel_tolerance)
    return Comparison(
        key=key,
        found=found,
        is_recorded=key in readings,
        torch=expected,
        printed=printed,
        agrees=not problem and is_close(found, expected, *tolerances),
        is_as_printed=printed is not None and is_close(found, printed, *tolerances),
        problem=problem,
    )


def is_close(found: Any, expected: Any, tolerance: float, relative: float) -> bool:
    """Whether two results agree: numbers within the tolerance, all else exactly.

    >>> is_close([1.0, [2.00001]], [1, [2]], 1e-4, 0.0), is_close("a", "b", 1.0, 1.0)
    (True, False)
    """
    if isinstance(expected, str | bool) or expected is None:
        return type(found) is type(expected) and bool(found == expected)
    if isinstance(expected, Sequence):
        return (
            isinstance(found, Sequence)
            and len(found) == len(expected)
            and all(
                is_close(f, e, tolerance, relative)
                for f, e in zip(found, expected, strict=True)
            )
        )
    if isinstance(found, bool | str) or not isinstance(found, int | float | np.number):
        return False
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    allowed = tolerance + (relative + _ROUNDED) * abs(expected)
    return bool(abs(found - expected) <= allowed)
