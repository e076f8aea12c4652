"""The closed list of what an attached debugger may ask for."""

from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """A command. None of them runs code of the sender's, or names a file to write."""

    STATUS = "status"  # answer with the state; the one verb that readers may use
    PAUSE = "pause"  # at the next event
    STEP = "step"  # to the next event
    OVER = "over"  # to the next event outside of the current module
    OUT = "out"  # to the end of the current module
    NEXT_PHASE = "next_phase"
    NEXT_STEP = "next_step"  # to the first event of the next training step
    CONTINUE = "continue"
    RUN_UNTIL = "run_until"  # `text` is a place and condition, as of a breakpoint
    ADD = "add"  # a breakpoint, `text`
    REMOVE = "remove"  # breakpoint `number`
    ENABLE = "enable"
    DISABLE = "disable"
    DETACH = "detach"  # training goes on, and no breakpoint pauses it
    STOP = "stop"  # the training ends here


MOVING = frozenset(
    {Verb.STEP, Verb.OVER, Verb.OUT, Verb.NEXT_PHASE, Verb.NEXT_STEP, Verb.CONTINUE}
    | {Verb.RUN_UNTIL}
)
"""The verbs that let a paused thread go on."""


@dataclass(frozen=True, slots=True)
class Command:
    """One request.

    Attributes:
        verb: What to do.
        seat: Which thread; None for all.
        text: A breakpoint's text.
        number: A breakpoint's number.
    """

    verb: Verb
    seat: int | None = None
    text: str = ""
    number: int = 0
