"""Which step of a recording a command is about."""

from collections.abc import Sequence

from graphscope.errors import NotRecordedError, StepRangeError
from graphscope.model.trace import Recording, Trace
from graphscope.session.choosing import last_complete
from graphscope.storage.numbering import (
    describe_missing,
    find_position,
    nearest_numbers,
    step_numbers,
)


def choose_step(recording: Recording, wanted: int | None) -> Trace:
    """Return step number `wanted`, or without a wish the last complete step.

    When no step is complete (nothing was updated, or the script raised in the first
    one) the last step is what there is.

    Raises:
        NotRecordedError: The recording has no steps.
        StepRangeError: There is no such step.
    """
    numbers = step_numbers(recording)
    dropped = getattr(recording, "dropped", 0)
    if not numbers and dropped:
        raise NotRecordedError(
            f"The recording has no steps: {dropped} were too large, or the disk too "
            "slow. Record with a smaller `whole`, or fewer operations in a step."
        )
    if not numbers:
        raise NotRecordedError(
            "The recording has no steps: nothing ran in torch while it was made. "
            "Record a script that computes something."
        )
    if wanted is None:
        return last_complete(recording)
    position = find_position(numbers, wanted)
    if position is None:
        raise StepRangeError(_describe_absence(numbers, wanted))
    return recording[position]


def _describe_absence(numbers: Sequence[int], wanted: int) -> str:
    first, last = min(numbers), max(numbers)
    if first < wanted < last:
        near = " and ".join(map(str, nearest_numbers(numbers, wanted)))
        return (
            f"Step {wanted} is missing ({describe_missing(numbers)}). "
            f"Choose the nearest, {near}, with --step."
        )
    steps = f"step {first}" if first == last else f"steps {first} to {last}"
    return (
        f"There is no step {wanted}: the recording has {steps}. "
        "Choose one of them with --step."
    )
