"""How a live run begins and ends: what `graphscope run` passes to the script's process.

Separate from the run itself, because the terminal UI makes these without torch.
"""

from dataclasses import dataclass
from typing import Final

RESUME_AFTER_S: Final = 10.0
"""A controller that vanished while training is paused has this long to come back."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What the debugger does from the first event on.

    Attributes:
        breakpoints: Their texts, as `--break` and the saved ones give them.
        until: A place or condition, as `--until` gives it; empty for none.
        stops: Whether `until` ends the run (exit code 3) in place of pausing it.
        starts_paused: Whether the first event is a pause.
        waits: Whether the script begins only when a controller is attached.
        interface_pid: The process that is going to be it, and has started this one:
            when it is gone nobody is waited for. 0 for none.
        resume_after_s: Seconds after which a pause ends whose controller has vanished.
    """

    breakpoints: tuple[str, ...] = ()
    until: str = ""
    stops: bool = False
    starts_paused: bool = False
    waits: bool = False
    interface_pid: int = 0
    resume_after_s: float = RESUME_AFTER_S
