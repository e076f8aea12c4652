"""A loss that explodes while the training still goes on.

Separate from the search of a whole recording, which has every step at hand: here only
those since the loss began to rise are kept, and a verdict waits until the loss cannot
come back, as far as anybody can tell.
"""

from collections.abc import Iterator
from functools import partial
from math import isfinite
from typing import Final

from graphscope.analysis.findings.finder import ask
from graphscope.analysis.traps.explosion import (
    PATIENCE,
    RISES,
    has_exploded,
    is_rise,
)
from graphscope.analysis.traps.learning_rate import find_learning_rate_trap
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace

_MOST_RISES: Final = 64
"""Rises in a row after which the loss is taken to grow for another reason."""

_BEFORE: Final = 2
"""Entries in front of the losses: the highest before them, and a gap."""


class ExplosionFollower:
    """Follows the loss of a run; keeps the last step, and more only while it rises."""

    def __init__(self) -> None:
        self._highest: float | None = None
        self._steps: list[Trace] = []
        self._losses: list[float | None] = []
        self._after = -1  # steps since an explosion ended; below 0 there was none
        self._is_over = False

    def see(self, trace: Trace, loss: float | None) -> Finding | None:
        """Look at the loss of the next step."""
        if self._is_over:
            return None
        if self._after >= 0:
            return self._wait(trace, loss)
        if not self._losses or not is_rise(self._losses[-1], loss):
            return self._stop_rising(trace, loss)
        self._add(trace, loss)
        if len(self._losses) > _MOST_RISES:
            self._start(trace, loss)
        elif _is_lost(loss) and self._has_exploded():
            return self._judge()
        return None

    def finish(self) -> Iterator[Finding]:
        """Return what there is to say when no step comes any more."""
        if not self._is_over and self._has_exploded():
            found = self._judge()
            if found is not None:
                yield found
        self._steps, self._losses = [], []

    def _stop_rising(self, trace: Trace, loss: float | None) -> Finding | None:
        if self._has_exploded():
            self._after = 0
            return self._wait(trace, loss)
        self._start(trace, loss)
        return None

    def _wait(self, trace: Trace, loss: float | None) -> Finding | None:
        """Collect the steps in which the training may come back to where it was."""
        self._after += 1
        self._add(trace, loss)
        if self._after < PATIENCE and not _is_lost(loss):
            return None
        found = self._judge()
        if found is None:
            self._start(trace, loss)
        return found

    def _has_exploded(self) -> bool:
        if len(self._losses) <= RISES:
            return False
        end = len(self._losses) - max(self._after, 0) - 1
        return has_exploded(self._known(), _BEFORE, _BEFORE + end)

    def _known(self) -> list[float | None]:
        """Return the losses, with the highest of all earlier ones in front of them."""
        return [self._highest, None, *self._losses]

    def _add(self, trace: Trace, loss: float | None) -> None:
        self._steps.append(trace)
        self._losses.append(loss)

    def _start(self, trace: Trace, loss: float | None) -> None:
        """Forget all steps but this one, and remember how high their losses were."""
        known = (self._highest, *self._losses)
        finite = [n for n in known if n is not None and isfinite(n)]
        self._highest, self._after = max(finite, default=None), -1
        self._steps, self._losses = [trace], [loss]

    def _judge(self) -> Finding | None:
        """Ask for the reason."""
        steps = [*(self._steps[0] for _ in range(_BEFORE)), *self._steps]
        found = ask(partial(find_learning_rate_trap, steps, self._known()))
        self._is_over = found is not None
        return found


def _is_lost(loss: float | None) -> bool:
    """Whether a loss will not come back: it has left the range of numbers."""
    return loss is not None and not isfinite(loss)
