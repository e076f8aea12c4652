"""Which step a question is about that names none, or names a finding.

Separate from the answers, because commands that only show a step need nothing of those.
"""

from collections.abc import Sequence

from graphscope.errors import RecordingError
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Status, Trace
from graphscope.storage.numbering import find_position, step_numbers


def last_complete(recording: Recording) -> Trace:
    """Return the last step that is complete; the last one where none is.

    Raises:
        StepRangeError: There is no step.
    """
    count = len(recording)
    last = recording[count - 1]
    if last.status is Status.COMPLETE or count == 1:
        return last
    before = recording[count - 2]
    return before if before.status is Status.COMPLETE else last


def find_step(steps: Recording | Sequence[Trace], finding: Finding) -> Trace | None:
    """Return the step that a finding is about; None where it cannot be read."""
    numbers = (
        [trace.step for trace in steps]
        if isinstance(steps, Sequence)
        else step_numbers(steps)
    )
    position = find_position(numbers, finding.step)
    if position is None:
        return None
    try:
        return steps[position]
    except RecordingError:
        return None
