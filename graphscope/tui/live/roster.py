"""The processes of a launch and their recorded threads, in the order of the screen."""

from dataclasses import dataclass, field, replace

from graphscope.debugger.state import Activity, BreakpointState, ProcessState
from graphscope.tui.live.seat_view import SeatView

_MAIN_THREAD = "MainThread"


@dataclass(slots=True)
class Process:
    """One debugged process.

    Attributes:
        key: How it is connected to.
        state: What it told last.
        is_controller: Whether it takes commands from here.
        lost: Why the connection broke, empty while it holds.
    """

    key: str
    state: ProcessState
    is_controller: bool = True
    lost: str = ""

    @property
    def is_over(self) -> bool:
        """Whether its script has ended."""
        return bool(self.state.ending)

    @property
    def name(self) -> str:
        """What it is called where there are several."""
        rank = self.state.rank
        return f"rank {rank}" if rank else f"process {self.state.pid}"


@dataclass(slots=True)
class Roster:
    """All processes and seats, and which seat is on the screen.

    Attributes:
        title: What each recording is called in the header.
        processes: By key, in the order in which they were found.
        seats: Of all processes, a process's together.
        early_end: How the script ended before it could be connected to.
        has_failed_early: Whether that was not as it should.
    """

    title: str
    processes: dict[str, Process] = field(default_factory=dict)
    seats: list[SeatView] = field(default_factory=list)
    early_end: str = ""
    has_failed_early: bool = False
    _current: SeatView | None = None
    _is_chosen: bool = False

    @property
    def current(self) -> SeatView | None:
        """The seat on the screen."""
        return self._current

    @property
    def process(self) -> Process | None:
        """The process of the seat on the screen, else the first."""
        if self._current is not None:
            return self.processes.get(self._current.process)
        return next(iter(self.processes.values()), None)

    @property
    def breakpoints(self) -> tuple[BreakpointState, ...]:
        """Those of the process on the screen."""
        return () if self.process is None else self.process.state.breakpoints

    @property
    def is_over(self) -> bool:
        """Whether there was training, and all of it has ended."""
        if not self.processes:
            return bool(self.early_end)
        return all(p.is_over for p in self.processes.values())

    def join(self, key: str, *, is_controller: bool) -> None:
        """Take note of a process that was connected to."""
        process = self.processes.get(key)
        if process is not None:
            process.is_controller, process.lost = is_controller, ""
            return
        self.processes[key] = Process(key, ProcessState(0, ""), is_controller)

    def lose(self, key: str, reason: str) -> None:
        """Take note of a connection that broke."""
        if key in self.processes:
            self.processes[key].lost = reason

    def hear(self, key: str, state: ProcessState) -> None:
        """Take note of where a process is."""
        if key not in self.processes:
            self.join(key, is_controller=True)
        self.processes[key].state = state
        known = {s.state.seat: s for s in self.seats if s.process == key}
        for heard in state.seats:
            told = heard
            seat = known.get(told.seat)
            if seat is None:
                seat = SeatView(key, told, self.title)
                self._insert(seat)
            if state.ending:
                told = replace(told, activity=Activity.ENDED)
            seat.hear(told, has_failed=state.is_failed)
        if self._current is None and self.seats:
            self._current = self.seats[0]
        self._leave_the_idle()

    def _leave_the_idle(self) -> None:
        """Show a thread that is held, not one that has trained nothing at all."""
        current = self._current
        if current is None or self._is_chosen or current.has_begun:
            return
        held = (seat for seat in self.seats if seat.is_paused)
        self._current = next(held, current)

    def _insert(self, seat: SeatView) -> None:
        keys = list(self.processes)
        place = keys.index(seat.process)
        before = sum(keys.index(other.process) <= place for other in self.seats)
        self.seats.insert(before, seat)

    def note_end(self, pid: int, how: str, *, is_failed: bool) -> bool:
        """Take note that a process is gone, and how; whether that is news.

        What it said of an exception or of being stopped itself says more, and stays.
        """
        if not self.processes:
            is_news = not self.early_end
            self.early_end, self.has_failed_early = how, is_failed
            return is_news
        silent = [
            process
            for process in self.processes.values()
            if process.state.pid == pid and _says_less(process.state, how)
        ]
        for process in silent:
            state = replace(process.state, ending=how, is_failed=is_failed)
            self.hear(process.key, state)
        return bool(silent)

    def choose(self, number: int) -> bool:
        """Put seat `number` on the screen; False when there is none."""
        if not 0 <= number < len(self.seats):
            return False
        self._current, self._is_chosen = self.seats[number], True
        return True

    def choose_next(self) -> None:
        """Put the seat after the current one on the screen, at the end the first."""
        if self._current is not None:
            self._is_chosen = True
            place = self.seats.index(self._current)
            self._current = self.seats[(place + 1) % len(self.seats)]

    def name_of(self, seat: SeatView) -> str:
        """Name a seat as briefly as tells it from the others."""
        process = self.processes[seat.process]
        mine = [s for s in self.seats if s.process == seat.process]
        thread = seat.state.thread or f"thread {seat.state.seat}"
        if len(self.processes) == 1 and not process.state.rank:
            return thread
        if len(mine) == 1 and thread == _MAIN_THREAD:
            return process.name
        return f"{process.name} · {thread}"

    def close(self) -> None:
        """Close all recordings."""
        for seat in self.seats:
            seat.close()


def _says_less(state: ProcessState, how: str) -> bool:
    """Whether `how` a process ended is more than it has said of that itself."""
    if not state.ending:
        return True
    return state.ending != how and not (state.is_failed or "stop" in state.ending)
