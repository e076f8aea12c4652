"""The recording of a thread that has recorded nothing yet."""

from collections.abc import Iterator, Mapping

from graphscope.errors import StepRangeError
from graphscope.model.trace import Trace


class NothingYet:
    """A recording without steps."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing is known."""
        return {}

    def __len__(self) -> int:
        """Return 0."""
        return 0

    def __getitem__(self, step: int) -> Trace:
        """Return nothing.

        Raises:
            StepRangeError: Always.
        """
        raise StepRangeError(f"There is no step {step}: nothing has been recorded yet.")

    def __iter__(self) -> Iterator[Trace]:
        """Iterate over nothing."""
        return iter(())

    def losses(self) -> list[float | None]:
        """Return nothing."""
        return []
