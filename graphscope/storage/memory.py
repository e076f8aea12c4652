"""A recording that was never written: a sequence of traces and an environment."""

from collections.abc import Iterator, Mapping, Sequence

from graphscope.errors import StepRangeError
from graphscope.model.graph import Role
from graphscope.model.trace import Trace
from graphscope.storage.series import find_slot, to_number


class MemoryRecording:
    """A recording in memory; holds the traces alive.

    `traces` may be a list that still grows.
    """

    def __init__(
        self, traces: Sequence[Trace], environment: Mapping[str, str] | None = None
    ) -> None:
        self._traces = traces
        self.environment: Mapping[str, str] = dict(environment or {})

    def __len__(self) -> int:
        return len(self._traces)

    def __getitem__(self, step: int) -> Trace:
        """Return one step; negative indices count from the end.

        Raises:
            StepRangeError: There is no such step.
        """
        return self._traces[step_position(step, len(self), "this run")]

    def __iter__(self) -> Iterator[Trace]:
        """Iterate over the steps."""
        return iter(self._traces)

    @property
    def numbers(self) -> list[int]:
        """The number of each step."""
        return [trace.step for trace in self._traces]

    @property
    def error(self) -> str:
        """What the last step says of how the run ended, else empty."""
        return self._traces[-1].error if self._traces else ""

    def losses(self) -> list[float | None]:
        """Return the loss of every step."""
        return [trace.loss() for trace in self._traces]

    def series(self, value_name: str, role: Role) -> list[float | None]:
        """Return one number per step: the scalar or the l2 norm, None without one."""
        numbers: list[float | None] = []
        for trace in self._traces:
            slot = find_slot(trace.graph, value_name, role)
            numbers.append(None if slot is None else to_number(trace.seen(slot)))
        return numbers


def step_position(step: int, count: int, where: str) -> int:
    """Return the position of `step`, which may count from the end.

    Raises:
        StepRangeError: There is no such step.
    """
    if -count <= step < count:
        return step % count
    known = f"0 to {count - 1}" if count else "none yet"
    raise StepRangeError(
        f"There is no step {step}: {count} recorded, {known}. In {where}."
        " Choose one of these; −1 is the last."
    )
