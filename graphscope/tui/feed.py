"""Where the terminal UI gets its steps from: any recording, read through one door.

The UI's thread reads steps and a worker thread reads series at the same time, which a
recording must allow. A file, a list in memory and a test's fake look the same from
above.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from graphscope.analysis.findings import RunSearch, find_over_steps
from graphscope.errors import GraphscopeError, StepRangeError
from graphscope.model.finding import Finding
from graphscope.model.graph import Role
from graphscope.model.observation import Observation
from graphscope.model.trace import Recording, Status, Trace
from graphscope.storage.ending import Ending
from graphscope.storage.numbering import find_position, nearest_numbers, step_numbers

_KEPT_TRACES: Final = 64
_BREAKS: Final = (Ending.RUNNING, Ending.KILLED, Ending.STOPPED)

Series = Sequence[float | None]


class Feed:
    """Reads the steps of a recording, and remembers the last ones.

    Threads: `trace` and `series` may be called from any thread.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._traces: OrderedDict[int, Trace] = OrderedDict()
        self._lock = Lock()
        self._changes = 0

    @property
    def recording(self) -> Recording:
        """What it reads."""
        return self._recording

    @property
    def changes(self) -> int:
        """How often a refresh has found something."""
        return self._changes

    @property
    def steps(self) -> int:
        """How many steps there are; it may grow while a recording is written."""
        return len(self._recording)

    def trace(self, step: int) -> Trace:
        """Return the step at position `step`.

        Raises:
            StepRangeError: There is no such step.
            RecordingError: The step is damaged.
        """
        found, changes = self._kept(step), self._changes
        if found is None:
            found = self._recording[step]
            with self._lock:
                if changes != self._changes:
                    return found  # it may be a draft that is out of date by now
                self._traces[step] = found
                if len(self._traces) > _KEPT_TRACES:
                    self._traces.popitem(last=False)
        return found

    def read(self, step: int) -> Trace:
        """Return a step as `trace` does, and do not remember it: for reading many."""
        return self._kept(step) or self._recording[step]

    def _kept(self, step: int) -> Trace | None:
        with self._lock:
            found = self._traces.get(step)
            if found is not None:
                self._traces.move_to_end(step)
            return found

    def losses(self) -> Series:
        """Return the loss of every step; empty when the recording cannot say."""
        try:
            return list(self._recording.losses())
        except GraphscopeError:
            return []

    def series(
        self, name: str, role: Role, *, is_wanted: Callable[[], bool] = lambda: True
    ) -> Series:
        """Return one number for each step: the scalar itself, else its l2 norm.

        A recording that keeps series answers at once; any other is read step by step,
        for as long as `is_wanted()` says so.
        """
        kept = getattr(self._recording, "series", None)
        if kept is not None:
            return list(kept(name, role))
        found: list[float | None] = []
        for step in range(self.steps):
            if not is_wanted():
                break
            found.append(self._number(step, name, role))
        return found

    def _number(self, step: int, name: str, role: Role) -> float | None:
        try:
            trace = self._recording[step]
            value = trace.resolve(name).id
        except GraphscopeError:
            return None
        return to_number(trace.last_seen(value, role))

    def find_over_steps(self) -> tuple[Finding, ...]:
        """Return the findings that show from step to step; reads few steps."""
        try:
            return find_over_steps(self._recording)
        except GraphscopeError:  # a step is damaged
            return ()

    def conclude(self, search: RunSearch) -> tuple[Finding, ...]:
        """Return all findings, of a search that has seen the steps so far."""
        try:
            return search.finish(self._recording)
        except GraphscopeError:  # the losses cannot be read
            return search.so_far()

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, so that no step comes any more."""
        return self._end is not Ending.RUNNING

    def is_cut_short(self, step: int, trace: Trace) -> bool:
        """Whether a step has only begun: it goes on, or was ended from outside.

        What is not in it may still come, or would have.
        """
        if trace.status is not Status.OPEN or step < self.steps - 1:
            return False
        return self._end in _BREAKS or bool(trace.error)

    @property
    def _end(self) -> Ending:
        end = getattr(self._recording, "ending", Ending.FINISHED)
        return end if isinstance(end, Ending) else Ending.FINISHED

    def ending(self) -> tuple[str, bool]:
        """Return what ended the run early, else nothing, and whether it failed.

        That is an exception, or where a debugger stopped it.
        """
        error = getattr(self._recording, "error", "")
        try:
            last = self.trace(self.steps - 1) if self.steps else None
        except GraphscopeError:
            last = None
        if last is None:
            return error, bool(error)
        return error or last.error, last.status is Status.ABORTED

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each step: positions have no holes, numbers may."""
        return step_numbers(self._recording)

    def refresh(self) -> bool:
        """Look for new steps; return whether anything changed."""
        refresh = getattr(self._recording, "refresh", None)
        if refresh is None:
            return False
        before = self.numbers
        if not refresh():
            return False
        with self._lock:
            self._changes += 1
            if list(self.numbers[: len(before)]) != list(before):
                self._traces.clear()  # steps were thinned: positions mean others now
            self._traces.pop(len(before) - 1, None)  # it may have been a draft
        return True


def to_number(seen: Observation | None) -> float | None:
    """Return one number for a tensor: the scalar itself, else its l2 norm."""
    if seen is None:
        return None
    number = seen.scalar
    if isinstance(number, int | float):
        return float(number)
    return None if seen.stats is None else seen.stats.l2


def check_step(step: int, numbers: Sequence[int]) -> int:
    """Return the position of a step, by its number.

    Raises:
        StepRangeError: There is no such step; with those that there are.
    """
    position = find_position(numbers, step)
    if position is not None:
        return position
    if numbers and numbers[0] < step < numbers[-1]:
        near = " and ".join(map(str, nearest_numbers(numbers, step)))
        raise StepRangeError(f"Step {step} is missing; the nearest are {near}.")
    there = "no steps"
    if numbers:
        is_one = len(numbers) == 1
        there = f"step {numbers[0]}" if is_one else f"steps {span_of(numbers)}"
    raise StepRangeError(f"There is no step {step}: the recording has {there}.")


def span_of(numbers: Sequence[int]) -> str:
    """Write from which step to which.

    >>> span_of([0, 4, 8])
    '0 to 8'
    """
    return f"{numbers[0]} to {numbers[-1]}"
