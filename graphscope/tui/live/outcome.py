"""Why the live UI was closed: what its caller must do about the training."""

from enum import StrEnum


class Outcome(StrEnum):
    """How the user left."""

    ENDED = "ended"  # the training had ended by then
    DETACHED = "detached"  # it goes on without a debugger
    STOPPED = "stopped"  # it was asked to stop; whatever still runs may be ended
    LEFT = "left"  # somebody who only looked has gone
