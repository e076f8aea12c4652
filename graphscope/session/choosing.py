"""Which step a question is about that names none.

Separate from the answers, because commands that only show a step need nothing of those.
"""

from graphscope.model.trace import Recording, Status, Trace


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
