"""The place in capture where training can be held at an event.

Inside of the guard the gate only decides; the thread is held after the guard is left,
where no lock is taken, no mode is hidden and no state of torch's is other than the
user's. Capture knows no debugger: what holds the thread is handed to the recorder.
"""

from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Protocol

from graphscope.capture.arrivals import LiveArrival, StepIndex
from graphscope.capture.faults import is_foreign, is_from_handler
from graphscope.capture.records import RawEvent
from graphscope.errors import FindingError, FindingWarning

if TYPE_CHECKING:
    from graphscope.capture.identity import TensorTable
    from graphscope.capture.journal import Journal


Missing = Callable[[], tuple[str, ...]]


class StopTraining(SystemExit):
    """Ends the training where it is: raised by a gate, in the user's code.

    It is a `SystemExit`, so that `except Exception` does not swallow it and the process
    ends as `sys.exit(code)` would end it.

    Args:
        code: The exit code.
        note: Why, for the recording.
    """

    def __init__(self, code: int = 3, note: str = "stopped") -> None:
        super().__init__(code)
        self.note = note


RAISED_AT_EASE: Final = (StopTraining, FindingError, FindingWarning)
"""What a gate raises in the user's code, where a call of torch's was over."""


class Gate(Protocol):
    """What may hold a recorded thread.

    Attributes:
        is_armed: Whether it wants to be asked; read at every event.
    """

    is_armed: bool

    def reached(self, arrival: LiveArrival, /) -> bool:
        """Decide whether to hold training at this event; must not wait.

        An autograd node is asked about twice, before it runs and after.
        """

    def left(self, scope: str, /) -> bool:
        """Decide whether to hold training because a module's call is over."""

    def hold(self, recorder: Any, /) -> None:
        """Hold the thread that calls; `recorder.snapshot()` says where it is.

        Raises:
            StopTraining: The training is to end here.
            FindingError: Something was found, and the user wants to be stopped by it.
            FindingWarning: The same, where warnings are errors.
        """


class _Open:
    """The gate of a recorder that was given none: never armed."""

    is_armed = False

    def reached(self, _arrival: LiveArrival, /) -> bool:
        return False

    def left(self, _scope: str, /) -> bool:
        return False

    def hold(self, _recorder: Any, /) -> None:
        return None


class Gatekeeper:
    """Asks the gate of one recorder, and lets it hold the thread.

    Threads: those whose events are recorded. Each is held for its own events only.

    Attributes:
        gate: What decides.
        pending: The threads that are to be held, by number.
        index: What the running step has, by name.
        late: An event that may still grow, and is asked about when it cannot any more.
        ahead: Thread -> the event of the autograd node that it is held before, which
            is not recorded until the node has run.
        faults: Errors of the gate's, by message, with their count.
    """

    def __init__(self, gate: Gate | None) -> None:
        self.gate: Gate = _Open() if gate is None else gate
        self.pending: list[int] = []
        self.late: RawEvent | None = None
        self.ahead: dict[int, RawEvent] = {}
        self.faults: dict[str, int] = {}
        self.index: StepIndex
        self._recorder: Any = None

    def watch(self, recorder: Any, journal: "Journal", table: "TensorTable") -> None:
        """Say whose events they are; called once, before the first of them."""
        self._recorder = recorder
        self.index = StepIndex(journal, table)

    def forget(self) -> None:
        """Forget the events so far: another step begins, or it is a new one after all.

        Its records are then not those of the step that it seemed to repeat.
        """
        self.index.clear()

    def close(self) -> None:
        """Ask and hold no more: the recording ends."""
        self.gate = _Open()
        self.pending.clear()
        self.ahead.clear()
        self.index.clear()
        self.late = self._recorder = None

    def ask(
        self, event: RawEvent, missing: Missing = tuple, *, is_before: bool = False
    ) -> None:
        """Ask whether to hold at `event`; the thread is held when the guard is left.

        An update's `missing` names the parameters that have no gradient.
        """
        place = self.index.place_of(event)
        if place is not None:
            self._decide(
                self.gate.reached,
                LiveArrival(self.index, event, place, missing(), is_before=is_before),
            )

    def ask_ahead(self, event: RawEvent) -> bool:
        """Ask whether to hold before an autograd node whose event is to come."""
        place = len(self.index.journal.events)
        arrival = LiveArrival(self.index, event, place, is_before=True)
        is_held = self._decide(self.gate.reached, arrival)
        if is_held:
            self.ahead[get_ident()] = event
        return is_held

    def put_off(self, event: RawEvent) -> None:
        """Ask about `event` when it cannot grow any more, if anybody is to be asked."""
        if self.gate.is_armed:
            self.late = event

    def settle(self) -> None:
        """Ask about an event that was waited with; the next one is not written yet."""
        event, self.late = self.late, None
        if event is not None and self.gate.is_armed:
            self.ask(event)

    def leave(self, scope: str, *, is_over: bool) -> None:
        """Let the thread be held where a module's call is over, outside of the guard.

        Not when it has raised; but then as well for what was found at its end.
        """
        if self.gate.is_armed and is_over and scope:
            self._decide(self.gate.left, scope)
        if self.pending:
            self.release()

    def _decide(self, decide: Callable[[Any], bool], about: object) -> bool:
        try:
            if not decide(about):
                return False
        except Exception as fault:
            if is_from_handler(fault):
                raise
            self._count(fault)
            return False
        here = get_ident()
        if here not in self.pending:
            self.pending.append(here)
        return True

    def hold_soon(self) -> None:
        """Let the recorded thread be held when it leaves the guard next."""
        thread = self.index.journal.thread
        if self._recorder is not None and thread not in self.pending:
            self.pending.append(thread)

    def release(self) -> None:
        """Hold this thread if that is due, and if nothing of ours is held by it.

        Called where a guard was left, and where a module's call is over.
        """
        here = get_ident()
        if here not in self.pending or self._is_inside():
            return
        self.pending.remove(here)
        try:
            self.gate.hold(self._recorder)
        except RAISED_AT_EASE:
            self._keep_ahead(here)
            raise
        except Exception as fault:
            if is_foreign(fault):
                raise  # a signal's handler raised it, while the thread was held
            self._count(fault)
        finally:
            self.ahead.pop(here, None)

    def _is_inside(self) -> bool:
        """Whether this thread is in code of ours, whose guard is still to be left."""
        lock: Any = self.index.journal.lock
        return bool(lock._is_owned())

    def _keep_ahead(self, thread: int) -> None:
        """Write down the autograd node before which the training ended."""
        event, journal = self.ahead.get(thread), self.index.journal
        if event is not None:
            journal.guarded(journal.prepare, event)
            journal.guarded(journal.add, event)

    def _count(self, fault: Exception) -> None:
        """Keep an error of the gate's away from the user, and from the recording."""
        text = f"{type(fault).__name__}: {fault}"[:200]
        self.faults[text] = self.faults.get(text, 0) + 1
