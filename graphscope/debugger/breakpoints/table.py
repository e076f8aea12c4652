"""The breakpoints of a process: changed by commands, asked at every event."""

from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.breakpoints.checking import find_problem
from graphscope.debugger.breakpoints.memory import SeatMemory, Visit
from graphscope.debugger.breakpoints.parse import Breakpoint, parse_breakpoint
from graphscope.debugger.breakpoints.places import is_reached
from graphscope.debugger.state import BreakpointState
from graphscope.errors import DebuggerError
from graphscope.model.graph import Graph
from graphscope.model.trace import Status, Trace

MAX_BREAKPOINTS: Final = 100


@dataclass(slots=True, eq=False)
class _Entry:
    """A breakpoint and how it stands.

    Attributes:
        breakpoint: What it is.
        state: What is told of it.
        is_found: Whether a step had all the names that it mentions.
        checked: The graph of the step that `state.problem` is of: most steps have the
            very same one.
    """

    breakpoint: Breakpoint
    state: BreakpointState
    is_found: bool = False
    checked: Graph | None = None


class BreakpointTable:
    """All breakpoints, by number; a number is never given twice.

    Threads: one changes it while recorded threads ask. Each seat is asked by one thread
    at a time.
    """

    def __init__(self) -> None:
        self._entries: tuple[_Entry, ...] = ()  # replaced, never changed
        self._memories: dict[int, SeatMemory] = {}
        self._last = 0
        self._lock = Lock()

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return not self._entries

    def states(self) -> tuple[BreakpointState, ...]:
        """Return how all of them stand, by number."""
        return tuple(entry.state for entry in self._entries)

    def add(self, text: str, *, is_once: bool = False) -> BreakpointState:
        """Add a breakpoint and return it with its number.

        Args:
            text: What it is; see `graphscope.debugger.breakpoints`.
            is_once: Whether it goes away when it has paused once.

        Raises:
            DebuggerError: The text is no breakpoint, or there are too many.
        """
        found = parse_breakpoint(text)
        with self._lock:
            if len(self._entries) >= MAX_BREAKPOINTS:
                raise DebuggerError(
                    f"There are {MAX_BREAKPOINTS} breakpoints already, and no more can "
                    "be. Remove some first."
                )
            self._last += 1
            state = BreakpointState(self._last, found.text, is_once=is_once)
            self._entries = (*self._entries, _Entry(found, state))
        return state

    def remove(self, number: int) -> None:
        """Remove a breakpoint.

        Raises:
            DebuggerError: There is none of that number.
        """
        with self._lock:
            gone = self._entry(number)
            self._entries = tuple(e for e in self._entries if e is not gone)

    def enable(self, number: int) -> None:
        """Let a breakpoint pause again.

        Raises:
            DebuggerError: There is none of that number.
        """
        self._switch(number, is_enabled=True)

    def disable(self, number: int) -> None:
        """Keep a breakpoint without pausing; its hits are not counted meanwhile.

        Raises:
            DebuggerError: There is none of that number.
        """
        self._switch(number, is_enabled=False)

    def _switch(self, number: int, *, is_enabled: bool) -> None:
        with self._lock:
            entry = self._entry(number)
            entry.state = replace(entry.state, is_enabled=is_enabled)

    def _entry(self, number: int) -> _Entry:
        for entry in self._entries:
            if entry.state.number == number:
                return entry
        numbers = ", ".join(str(e.state.number) for e in self._entries)
        there = f"There are: {numbers}." if numbers else "There are none."
        raise DebuggerError(f"There is no breakpoint {number}. {there}")

    def find_hit(self, arrival: Arrival, seat: int) -> BreakpointState | None:
        """Return the breakpoint that pauses `seat` at an event, None when none does.

        Counts the hits of all, and removes one that pauses once. To be called for
        every event for as long as the table is not empty: breakpoints on modules,
        phases and lines look at the event before.
        """
        memory = self._memories.get(seat)
        if memory is None:
            memory = self._memories.setdefault(seat, SeatMemory())
        entries = self._entries
        visit = memory.visit_again(arrival)
        is_first = visit is None
        if visit is None:
            visit = memory.visit(arrival, _find_reached(entries, arrival, memory))
            memory.follow(arrival)
        found = None
        for entry in entries:
            if _is_hit(entry, visit, arrival, is_first=is_first):
                visit.hits.add(entry.state.number)
                pausing = self._count(entry)  # all are counted, the first is told
                found = found or pausing
        return found

    def _count(self, entry: _Entry) -> BreakpointState | None:
        """Count a hit; return the breakpoint when it pauses."""
        with self._lock:
            hits = entry.state.hits + 1
            entry.state = replace(entry.state, hits=hits, problem="")
            entry.is_found = True
            is_gone = entry not in self._entries
            if is_gone or not entry.breakpoint.pauses_at(hits):
                return None
            if entry.state.is_once:
                self._entries = tuple(e for e in self._entries if e is not entry)
            return entry.state

    def leave(self, scope: str, seat: int) -> None:
        """Learn that a call of the module `scope` is over.

        Without it two calls of a module with nothing in between are taken for one.
        """
        memory = self._memories.get(seat)
        if memory is not None:
            memory.leave(scope)

    def check(self, trace: Trace) -> None:
        """Learn what a step had, and mark breakpoints that can never pause.

        A name that no step has had yet is a problem once a step is complete; it is
        none any more as soon as a step has it.
        """
        for entry in self._entries:
            if entry.is_found or entry.checked is trace.graph:
                continue
            problem = find_problem(entry.breakpoint, trace.graph)
            with self._lock:
                entry.is_found = entry.is_found or not problem
                if entry.is_found:
                    problem = ""
                elif trace.status is not Status.COMPLETE:
                    continue
                entry.state = replace(entry.state, problem=problem)
                entry.checked = trace.graph


def _find_reached(
    entries: tuple[_Entry, ...], arrival: Arrival, memory: SeatMemory
) -> frozenset[int]:
    """Return the breakpoints whose place the event is; all without one are."""
    return frozenset(
        entry.state.number
        for entry in entries
        if entry.breakpoint.place is None
        or is_reached(
            entry.breakpoint.place, arrival, memory, number=entry.state.number
        )
    )


def _is_hit(entry: _Entry, visit: Visit, arrival: Arrival, *, is_first: bool) -> bool:
    """Whether everything holds, and is not counted for this event yet."""
    number, condition = entry.state.number, entry.breakpoint.condition
    if not entry.state.is_enabled or number in visit.hits:
        return False
    if number not in visit.reached:
        return False
    return is_first if condition is None else condition.holds(arrival)
