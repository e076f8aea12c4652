"""Where a debugged process is: what it tells everybody who is attached."""

from dataclasses import dataclass
from enum import StrEnum


class Activity(StrEnum):
    """What a recorded thread does."""

    STARTING = "starting"  # nothing has been recorded yet
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"  # inside of a call that waits for another process
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SeatState:
    """One recorded thread of a process: each has a recording of its own.

    Attributes:
        seat: Its number in the process; 0 is the main thread.
        thread: Its name.
        recording: Path of its `.gscope` file, absolute; empty until there is one.
        activity: What it does.
        step: 0-based number of the step that it is in.
        event: 0-based event in that step; -1 before the first.
        is_before: Whether that event is an autograd node that has not run yet.
        title: What the event is, in a few words.
        site: The user's line, as `train.py:41`.
        scope: The module that it is in.
        reason: Why it is paused.
        problem: What went wrong with the breakpoint or condition that paused it.
        waits_in: The call that waits for another process, and its line.
    """

    seat: int
    thread: str
    recording: str = ""
    activity: Activity = Activity.STARTING
    step: int = 0
    event: int = -1
    is_before: bool = False
    title: str = ""
    site: str = ""
    scope: str = ""
    reason: str = ""
    problem: str = ""
    waits_in: str = ""


@dataclass(frozen=True, slots=True)
class BreakpointState:
    """A breakpoint as it stands.

    Attributes:
        number: How the user refers to it.
        text: What it is, in the form that adds it again.
        is_enabled: Whether it pauses.
        is_once: Whether it goes away when it has paused once.
        hits: How often it was reached with its condition true.
        problem: Why it can never pause, such as a name that no step has.
    """

    number: int
    text: str
    is_enabled: bool = True
    is_once: bool = False
    hits: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One debugged process.

    Attributes:
        pid: Its process id.
        script: What it runs.
        rank: `1 of 2` where several train together, else empty.
        seats: Its recorded threads, in the order in which they began.
        breakpoints: All of them, by number.
        is_controlled: Whether somebody who may command is attached.
        ending: How it ended, empty while it runs: `exit code 0`, `ValueError: …`.
        is_failed: Whether that was an exception.
    """

    pid: int
    script: str
    rank: str = ""
    seats: tuple[SeatState, ...] = ()
    breakpoints: tuple[BreakpointState, ...] = ()
    is_controlled: bool = False
    ending: str = ""
    is_failed: bool = False
