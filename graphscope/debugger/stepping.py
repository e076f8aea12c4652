"""Where a stepping verb ends: plain rules over the event that paused and the next ones.

Separate from the seat that waits, because these rules know no threads.
"""

from dataclasses import dataclass

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.verbs import Verb
from graphscope.errors import DebuggerError
from graphscope.model.graph import EventKind, Phase


@dataclass(frozen=True, slots=True)
class Place:
    """Where training was when the verb was given.

    Attributes:
        step: Number of the step.
        pass_index: Pass in the step.
        phase: Which of the five numbered steps.
        scope: Module path, empty outside of modules.
    """

    step: int = -1
    pass_index: int = 0
    phase: Phase = Phase.FORWARD
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """A verb, and where it was given."""

    verb: Verb
    start: Place = Place()

    def __post_init__(self) -> None:
        """Refuse what could never end.

        Raises:
            DebuggerError: There is no module to leave.
        """
        if self.verb is Verb.OUT and self.start.step < 0:
            raise DebuggerError(
                "Nothing has been recorded yet, so there is no module to leave. Use "
                "`pause` to stop at the first event."
            )
        if self.verb is Verb.OUT and not self.start.scope:
            raise DebuggerError(
                "Training is outside of every module here, so there is none to leave. "
                "Use `step`, or `next phase`."
            )


def place_of(arrival: Arrival) -> Place:
    """Return where an event is."""
    return Place(arrival.step, arrival.pass_index, arrival.phase, arrival.scope)


def is_reached(goal: Goal, arrival: Arrival) -> bool:
    """Whether training pauses at `arrival`, an event that has not been asked before.

    The end of a module is no event: see `is_end_reached`.
    """
    start = goal.start
    if goal.verb in {Verb.STEP, Verb.PAUSE}:
        return True
    if goal.verb is Verb.NEXT_STEP:
        return arrival.step != start.step
    if goal.verb is Verb.NEXT_PHASE:
        here = place_of(arrival)
        return (here.step, here.pass_index, here.phase) != (
            start.step,
            start.pass_index,
            start.phase,
        )
    if goal.verb is Verb.OVER:
        return not start.scope or not is_within(arrival.scope, start.scope)
    if goal.verb is Verb.OUT:
        is_outside = not is_within(arrival.scope, start.scope)
        return is_outside or arrival.step != start.step
    return False


def is_end_reached(goal: Goal, scope: str) -> bool:
    """Whether training pauses because the call of the module `scope` is over."""
    return goal.verb is Verb.OUT and is_within(goal.start.scope, scope)


def is_within(scope: str, module: str) -> bool:
    """Whether a module path is `module` or inside of it.

    >>> [is_within(s, "enc") for s in ("enc", "enc.fc", "encoder", "")]
    [True, True, False, False]
    """
    return scope == module or scope.startswith(f"{module}.")


class AskedOnce:
    """Tells the two times apart that one autograd node is asked about.

    A node comes before it runs and after; what stepped to the one has been at the
    other. Other events may come in between: those of a custom Function's backward.
    """

    def __init__(self) -> None:
        self._step = -1
        self._before: set[int] = set()

    def is_new(self, arrival: Arrival) -> bool:
        """Whether this is the first time that its event is asked about."""
        if arrival.kind is not EventKind.GRAD:
            return True
        if arrival.step != self._step:
            self._step = arrival.step
            self._before.clear()
        if arrival.is_before:
            self._before.add(arrival.index)
            return True
        return arrival.index not in self._before
