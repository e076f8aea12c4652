"""Which step of a recording a command is about."""

from graphscope.errors import NotRecordedError, StepRangeError
from graphscope.model.trace import Recording, Status, Trace


def choose_step(recording: Recording, wanted: int | None) -> Trace:
    """Return step number `wanted`, or without a wish the last complete step.

    When no step is complete (nothing was updated, or the script raised in the first
    one) the last step is what there is.

    Raises:
        NotRecordedError: The recording has no steps.
        StepRangeError: There is no such step.
    """
    count = len(recording)
    if count == 0:
        raise NotRecordedError(
            "The recording has no steps: nothing ran in torch while it was made. "
            "Record a script that computes something."
        )
    if wanted is None:
        return _last_complete(recording, count)
    if not 0 <= wanted < count:
        steps = "step 0" if count == 1 else f"steps 0 to {count - 1}"
        raise StepRangeError(
            f"There is no step {wanted}: the recording has {steps}. "
            "Choose one of them with --step."
        )
    return recording[wanted]


def _last_complete(recording: Recording, count: int) -> Trace:
    last = recording[count - 1]
    if last.status is Status.COMPLETE or count == 1:
        return last
    before = recording[count - 2]
    return before if before.status is Status.COMPLETE else last
