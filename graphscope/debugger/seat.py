"""One recorded thread under the debugger: asked at each event, held where it pauses."""

from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.state import Activity, SeatState
from graphscope.debugger.stepping import (
    AskedOnce,
    Goal,
    Place,
    is_end_reached,
    is_reached,
    place_of,
)
from graphscope.debugger.verbs import Verb
from graphscope.debugger.waiting import find_waiting
from graphscope.model.graph import EventKind, Graph
from graphscope.model.trace import Trace

if TYPE_CHECKING:
    from graphscope.debugger.controller import Debugger

_LAST: Final = 2**62  # past every event
_LOOK_S: Final = 0.2  # how often a held thread looks whether anybody is left
_QUIET_S: Final = 1.0  # after this long without an event the thread may wait for others


class Recorded(Protocol):
    """What a seat needs of the thread's recorder and file; the live run provides it.

    Attributes:
        ident: The thread's number.
    """

    ident: int

    @property
    def file(self) -> str:
        """Absolute path of the recording, empty until there is one."""

    def show(self) -> Trace:
        """Write the running step to the recording as far as it got, and return it."""

    def place(self) -> tuple[int, int]:
        """Return the running step and how many events it has; from any thread."""


class Seat:
    """A recorded thread; capture asks it at every event while it `is_armed`.

    Threads: `reached` and `hold` run on the recorded thread, or on one that runs its
    backward; `order`, `look` and `rearm` on any other.

    Attributes:
        is_armed: Whether capture has to ask.
        state: What is told of it.
    """

    def __init__(self, debugger: "Debugger", state: SeatState) -> None:
        self.is_armed = self.has_paused = self._has_stopped = False
        self.state = state
        self._debugger = debugger
        self._recorded: Recorded | None = None
        self._asked = AskedOnce()
        self._orders: SimpleQueue[Goal | None] = SimpleQueue()
        self._goal: Goal | None = None
        self._after: Goal | None = None  # asked for while the thread was let go
        self._is_let_go = False
        self._place, self._index = Place(), _LAST
        self._reason = self._problem = ""
        self._is_before = self._is_in_code = False
        self._moved = ((-1, -1), monotonic())
        self._lock = Lock()

    # --- on the recorded thread

    def begin(self, recorded: Recorded) -> None:
        """Take the place of the thread that begins to be recorded."""
        self._recorded = recorded
        self._tell(activity=Activity.RUNNING, recording=recorded.file)

    def end(self) -> None:
        """Leave: the thread, or its recording, is over."""
        self._recorded = None
        self.is_armed = False
        self._tell(activity=Activity.ENDED, waits_in="")
        self._orders.put(None)  # for a thread that the end of the process finds held

    def reached(self, arrival: Arrival) -> bool:
        """Decide whether training pauses at this event.

        Called inside of capture: nothing here may wait.
        """
        is_new = self._asked.is_new(arrival)
        if self._debugger.is_stopping:
            # What a `finally` of the user's does is let through: what trains is not.
            return not self._has_stopped or arrival.kind in _TRAINING
        reason = self._debugger.find_hit(arrival, self.state.seat)
        goal = self._goal
        if not reason:
            if goal is None or not is_new or not is_reached(goal, arrival):
                return False
            reason = _REASONS.get(goal.verb, goal.verb.value)
        self._place, self._is_before = place_of(arrival), arrival.is_before
        self._index = arrival.index
        self._reason, self._problem = reason, ""
        return True

    def left(self, scope: str) -> bool:
        """Decide whether training pauses because a module's call is over."""
        goal = self._goal
        self._debugger.leave(scope, self.state.seat)
        if goal is None or not is_end_reached(goal, scope):
            return False
        self._reason, self._problem, self._index = f"end of {scope}", "", _LAST
        return True

    def hold(self, _recorder: Any = None) -> None:
        """Pause here until a command lets the thread go on.

        Raises:
            BaseException: The training is to stop: what the live run makes of that.
        """
        if not self._is_over():
            self._show()
            try:
                self._wait()
            finally:  # an interrupt ends the pause as well
                self._go_on()
        if self._debugger.is_stopping:
            self._has_stopped = self.is_armed = True
            raise self._debugger.make_stop()

    def _go_on(self) -> None:
        self._tell(
            only_while=Activity.PAUSED,
            activity=Activity.RUNNING,
            reason="",
            problem="",
            is_before=False,
        )
        self._goal = self._after or self._goal
        self.rearm()

    def pause_in_code(self, reason: str, problem: str = "") -> None:
        """Pause outside of any event: a `breakpoint()` in the user's code."""
        if self._has_stopped:
            return
        self._reason, self._problem, self._is_before = reason, problem, False
        self._is_in_code, self._index = True, _LAST
        try:
            self.hold()
        finally:
            self._is_in_code = False

    def _show(self) -> None:
        """Write the step as far as it got, and tell everybody where training is."""
        self.has_paused = True
        recorded = self._recorded
        trace = recorded.show() if recorded is not None else Trace(Graph())
        # The node of a custom Function comes before what ran inside of its backward.
        event = min(self._index, len(trace.graph.events) - 1)
        found = trace.graph.events[event] if event >= 0 else None
        op = trace.graph.ops[found.op] if found and found.op is not None else None
        site = found.site if found is not None else None
        scope = op.scope if op is not None else self._place.scope
        if self._is_in_code and found is not None:  # no arrival has said where it is
            self._place = Place(trace.step, found.pass_index, found.phase, scope)
        self._drain()
        self._after, self._is_let_go = None, False
        self._tell(
            activity=Activity.PAUSED,
            recording=recorded.file if recorded is not None else "",
            step=trace.step,
            event=event,
            is_before=self._is_before,
            title=trace.event_title(event) if event >= 0 else "",
            site=site.short if site is not None else "",
            scope=scope,
            reason=self._reason,
            problem=self._problem,
            waits_in="",
        )

    def _drain(self) -> None:
        """Forget orders that were given before this pause."""
        while True:
            try:
                self._orders.get_nowait()
            except Empty:
                return

    def _wait(self) -> None:
        self._goal = None
        while True:
            try:
                self._goal = self._orders.get(timeout=_LOOK_S)
                if not self._debugger.is_controlled:
                    self.forget()  # it was killed right after it had asked
                break
            except Empty:
                if self._is_over() or self._debugger.is_left_alone():
                    break

    def _is_over(self) -> bool:
        """Whether there is no pause any more.

        A stop may have come just before one, and its order been forgotten.
        """
        return self._debugger.is_stopping or self.state.activity is Activity.ENDED

    # --- from other threads

    @property
    def is_held(self) -> bool:
        """Whether the thread is paused."""
        return self.state.activity is Activity.PAUSED

    def order(self, verb: Verb) -> None:
        """Give the thread a goal; one that is held goes on.

        Raises:
            DebuggerError: Such a step cannot end from here.
        """
        is_held = self.is_held
        goal = Goal(verb, self._place if is_held else self._running_place())
        if verb is Verb.PAUSE and is_held:
            self._pause_again(goal)
        elif is_held:
            self._is_let_go = True
            self._orders.put(None if verb is Verb.CONTINUE else goal)
        else:
            self._goal = None if verb is Verb.CONTINUE else goal
        self.rearm()

    def _pause_again(self, goal: Goal) -> None:
        """Pause a thread that has just been let go, and has not woken up yet."""
        if self._is_let_go:
            self._after = goal
            if not self.is_held:  # it woke up meanwhile
                self._goal = goal

    def _running_place(self) -> Place:
        """Return where a thread that runs is: what is not of its last pause."""
        recorded, place = self._recorded, self._place
        return replace(place, step=recorded.place()[0]) if recorded else place

    def let_go(self) -> None:
        """Let the thread go on, with no goal."""
        self._goal = self._after = None
        self._orders.put(None)
        self.rearm()

    def forget(self) -> None:
        """Drop the goal of a debugger that is gone: the next one did not ask for it."""
        self._goal = None

    def rearm(self) -> None:
        """Work out whether capture has to ask.

        One thread at a time: else one that does not know of the goal yet, which the
        held thread has just taken, could have the last word, and the goal is lost.
        """
        with self._lock:
            has_goal = self._goal is not None
            is_there = self.state.activity is not Activity.ENDED
            self.is_armed = is_there and self._debugger.is_watching(has_goal=has_goal)

    def look(self) -> None:
        """Notice how far the thread is, and whether it waits for another process."""
        recorded = self._recorded
        activity = self.state.activity
        if recorded is None or activity in {Activity.PAUSED, Activity.ENDED}:
            return
        place, now = recorded.place(), monotonic()
        if place != self._moved[0]:
            self._moved = place, now
        is_quiet = now - self._moved[1] >= _QUIET_S
        waits_in = find_waiting(recorded.ident) if is_quiet else ""
        step, events = place
        self._tell(
            only_while=activity,  # it may have paused meanwhile
            activity=Activity.WAITING if waits_in else Activity.RUNNING,
            step=step,
            event=events - 1,
            waits_in=waits_in,
        )

    def _tell(self, *, only_while: Activity | None = None, **changes: Any) -> None:
        with self._lock:
            if only_while not in {None, self.state.activity}:
                return
            fresh = replace(self.state, **changes)
            if fresh == self.state:
                return
            self.state = fresh
        self._debugger.publish()


_TRAINING: Final = frozenset({EventKind.GRAD, EventKind.ACCUMULATE, EventKind.UPDATE})
_REASONS: Final = {
    Verb.STEP: "step",
    Verb.PAUSE: "paused",
    Verb.OVER: "outside of the module",
    Verb.OUT: "outside of the module",
    Verb.NEXT_PHASE: "next phase",
    Verb.NEXT_STEP: "next step",
}
