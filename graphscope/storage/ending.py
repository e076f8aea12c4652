"""How a recorded run ended, in one word.

Separate, because the parts of the answer lie apart: the summary, the last step, and
whether a process still holds the file.
"""

from enum import StrEnum

from graphscope.model.trace import Status
from graphscope.storage.head import StepHead


class Ending(StrEnum):
    """How a run ended."""

    RUNNING = "running"  # a process still writes it, or is paused
    KILLED = "killed"  # nobody writes it, and it was not closed
    FINISHED = "finished"
    STOPPED = "stopped"  # on purpose, inside of a step; the error says why
    FAILED = "failed"  # an exception; the error says which


def judge_end(error: str, last: StepHead | None) -> Ending:
    """Return how a closed recording ended.

    Args:
        error: What its summary says.
        last: Its last step. An exception aborts it; a debugger that stops the run
            leaves it as it was.

    >>> judge_end("", None), judge_end("ValueError: x", None)
    (<Ending.FINISHED: 'finished'>, <Ending.FAILED: 'failed'>)
    """
    if not error:
        return Ending.FINISHED
    is_failed = last is None or last.status is Status.ABORTED
    return Ending.FAILED if is_failed else Ending.STOPPED
