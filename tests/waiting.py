"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

Found = TypeVar("Found")
DEADLINE_S: Final = 90.0


def wait_for(
    what: Callable[[], Found | None],
    problem: Callable[[], object] = lambda: "it never came true",
) -> Found:
    """Return what `what` returns as soon as that is something."""
    until = time.monotonic() + DEADLINE_S
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, problem()
        time.sleep(0.005)
