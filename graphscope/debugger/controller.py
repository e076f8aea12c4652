"""The debugger of one process: its seats, its breakpoints, and what commands do."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event, RLock
from time import monotonic
from typing import Final

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.breakpoints import BreakpointTable
from graphscope.debugger.seat import Seat
from graphscope.debugger.state import Activity, ProcessState, SeatState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError
from graphscope.model.trace import Trace

_LOOK_S: Final = 0.2  # how often somebody who waits looks whether it still makes sense
BY_HAND: Final = "by the debugger"
"""Why a training was stopped that somebody has asked to stop."""


class Debugger:
    """Decides where the threads of this process pause, and holds them there.

    Breakpoints and steps pause only while a controller is attached: nobody could let
    a thread go on otherwise. A controller that vanishes while a thread is held has
    `resume_after_s` to come back; then training goes on.

    Threads: any. The server's thread executes commands, recorded threads ask.

    Attributes:
        make_stop: Makes the exception that ends a thread's training.
        tell: Called after every change of `state`; must not wait.
        stopped: Why the training was stopped, empty when it was not.
    """

    def __init__(
        self,
        script: str,
        pid: int,
        *,
        resume_after_s: float,
        rank: str = "",
        make_stop: Callable[[], BaseException] = SystemExit,
    ) -> None:
        self.make_stop = make_stop
        self.tell: Callable[[], None] = lambda: None
        self.stopped = ""
        self.is_stopping = False
        self._resume_after_s = resume_after_s
        self._breakpoints = BreakpointTable()
        self._until = 0  # number of the breakpoint that ends the training
        self._lock = RLock()
        self._seats: list[Seat] = []
        self._starts_paused = False
        self._head = ProcessState(pid, script, rank)
        self._is_controlled = False
        self._vanished_at: float | None = None
        self._arrived = Event()

    @property
    def state(self) -> ProcessState:
        """Where everything is now."""
        with self._lock:
            return replace(
                self._head,
                seats=tuple(seat.state for seat in self._seats),
                breakpoints=self._breakpoints.states(),
                is_controlled=self._is_controlled,
            )

    def publish(self) -> None:
        """Tell everybody who is attached that the state has changed."""
        self.tell()

    # --- the beginning and the end

    def add_seat(self, thread: str, *, starts_paused: bool = False) -> Seat:
        """Make room for a thread that begins to be recorded.

        Args:
            thread: Its name.
            starts_paused: Pause at its first event, and at that of those that begin
                before any has paused: it may be one of them that trains.
        """
        with self._lock:
            seat = Seat(self, SeatState(len(self._seats), thread))
            self._seats.append(seat)
            self._starts_paused = self._starts_paused or starts_paused
            is_first = not any(other.has_paused for other in self._seats)
        if self._starts_paused and is_first:
            seat.order(Verb.PAUSE)
        seat.rearm()
        self.publish()
        return seat

    def add_breakpoint(
        self, text: str, *, is_once: bool = False, stops: bool = False
    ) -> None:
        """Add a breakpoint from the command line; one that `stops` ends the training.

        Raises:
            DebuggerError: The text is no breakpoint.
        """
        number = self._breakpoints.add(text, is_once=is_once).number
        if stops:
            self._until = number
        self._rearm()

    def wait_for_controller(
        self, patience_s: float, *, is_expected: Callable[[], bool] = lambda: True
    ) -> bool:
        """Wait until somebody who may command is attached; False when nobody came.

        It waits no longer when nobody `is_expected` any more.
        """
        until = monotonic() + patience_s
        while not self._arrived.wait(min(_LOOK_S, max(0.0, until - monotonic()))):
            if monotonic() >= until or not is_expected():
                return False
        return True

    def note_step(self, trace: Trace) -> None:
        """Learn the names of a finished step, to tell misspelt breakpoints."""
        if not self._breakpoints.is_empty:
            before = self._breakpoints.states()
            self._breakpoints.check(trace)
            if self._breakpoints.states() != before:
                self.publish()

    def end(self, ending: str, *, is_failed: bool = False) -> None:
        """Tell how the process ends."""
        with self._lock:
            self._head = replace(self._head, ending=ending, is_failed=is_failed)
        for seat in self._seats:
            seat.end()
        self.publish()

    # --- asked by the seats

    def is_watching(self, *, has_goal: bool) -> bool:
        """Whether a thread must be asked at its events."""
        if self.is_stopping or self._until:
            return True
        wants = has_goal or not self._breakpoints.is_empty
        return self._is_controlled and wants

    @property
    def is_controlled(self) -> bool:
        """Whether somebody who may command is attached."""
        return self._is_controlled

    def find_hit(self, arrival: Arrival, seat: int) -> str:
        """Return why a breakpoint pauses here, empty when none does."""
        hit = self._breakpoints.find_hit(arrival, seat)
        if hit is None:
            return ""
        if hit.number == self._until:
            self.stop(hit.text)
            return hit.text
        if not self._is_controlled:
            return ""
        if hit.is_once:
            self._rearm()
            return hit.text
        return f"breakpoint {hit.number}: {hit.text}"

    def leave(self, scope: str, seat: int) -> None:
        """Hear that a call of the module `scope` is over."""
        self._breakpoints.leave(scope, seat)

    def is_left_alone(self) -> bool:
        """Whether nobody is there any more to let a thread go on."""
        with self._lock:
            if self._is_controlled:
                return False
            gone = self._vanished_at
            return gone is None or monotonic() - gone >= self._resume_after_s

    def stop(self, reason: str) -> None:
        """End the training at the next event of every thread.

        Args:
            reason: The breakpoint that does; empty when somebody has asked for it.
        """
        if not self.is_stopping:
            self.stopped = reason or BY_HAND
        self.is_stopping = True
        for seat in self._seats:
            seat.let_go()

    # --- called by the server

    def note_control(self, is_there: bool) -> None:  # noqa: FBT001 - the server's call
        """Hear that a controller has come or gone."""
        with self._lock:
            was_there = self._is_controlled
            self._is_controlled = is_there
            if is_there:
                self._vanished_at = None
            elif was_there:
                self._vanished_at = monotonic()
        if is_there:
            self._arrived.set()
        elif was_there:
            for seat in self._seats:
                seat.forget()
        self._rearm()
        self.publish()

    def look(self) -> None:
        """Notice how far every thread is; called about twice a second."""
        for seat in self._seats:
            seat.look()

    def execute(self, command: Command) -> str:
        """Do what a controller asks for, and answer in a few words.

        Raises:
            DebuggerError: It cannot be done; nothing has changed.
        """
        verb = command.verb
        if verb is Verb.STATUS:
            return ""
        if verb in _BREAKPOINTS:
            return self._change_breakpoints(command)
        if verb is Verb.DETACH:
            self._detach()
            return "detached: the training goes on"
        if verb is Verb.STOP:
            self.stop("")
            return "stopping at the next event"
        seats = self._chosen(command)
        if verb is Verb.RUN_UNTIL:
            self._breakpoints.add(command.text, is_once=True)
            verb = Verb.CONTINUE
            self._rearm()
        for seat in seats:
            seat.order(verb)
        return ""

    def _chosen(self, command: Command) -> list[Seat]:
        seats = [s for s in self._seats if s.state.activity is not Activity.ENDED]
        if command.seat is not None:
            seats = [s for s in seats if s.state.seat == command.seat]
        if not seats:
            raise DebuggerError(self._describe_lack(command))
        is_move = command.verb not in {Verb.PAUSE, Verb.CONTINUE, Verb.RUN_UNTIL}
        if is_move and command.seat is None:
            seats = [s for s in seats if s.state.activity is Activity.PAUSED] or seats
        return seats

    def _describe_lack(self, command: Command) -> str:
        """Say why there is no thread that a command could be for."""
        verb = command.verb.value
        if self._head.ending:
            return f"The command {verb!r} needs a training that runs; this has ended."
        if command.seat is None:
            return f"The command {verb!r} needs a recorded thread, and all have ended."
        return f"There is no recorded thread number {command.seat}."

    def _change_breakpoints(self, command: Command) -> str:
        table, number = self._breakpoints, command.number
        if command.verb is Verb.ADD:
            added = table.add(command.text)
            answer = f"breakpoint {added.number}: {added.text}"
        elif command.verb is Verb.REMOVE:
            table.remove(number)
            answer = f"breakpoint {number} is gone"
        elif command.verb is Verb.ENABLE:
            table.enable(number)
            answer = f"breakpoint {number} is on"
        else:
            table.disable(number)
            answer = f"breakpoint {number} is off"
        self._rearm()
        self.publish()
        return answer

    def _detach(self) -> None:
        with self._lock:
            self._is_controlled = False
            self._vanished_at = None
        for seat in self._seats:
            seat.let_go()
        self.publish()

    def _rearm(self) -> None:
        for seat in self._seats:
            seat.rearm()


_BREAKPOINTS: Final = frozenset({Verb.ADD, Verb.REMOVE, Verb.ENABLE, Verb.DISABLE})
