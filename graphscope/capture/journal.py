"""The events of the step that is running, and its delivery when it is over."""

from collections.abc import Callable
from threading import RLock, current_thread, get_ident

from graphscope.capture.freeze import freeze_step
from graphscope.capture.identity import TensorTable
from graphscope.capture.records import RawEvent, RawValue
from graphscope.capture.steps import StepTracker
from graphscope.model.graph import Gap, Graph, Scope
from graphscope.model.trace import Status, Trace

MAX_EVENTS = 200_000
"""A step that grows past this is closed with a gap: memory is the user's."""


class Journal:
    """Collects events; hands each finished step to `deliver`.

    Attributes:
        lock: Held while anything is written down: backward may run on other threads.
        roots: Values that backward was called on in this step.
        faults: Errors of graphscope's own, by message, with their count.
        thread: The thread that is recorded.
    """

    def __init__(
        self,
        table: TensorTable,
        deliver: Callable[[Trace], None],
        sources: dict[str, str],
    ) -> None:
        self.lock = RLock()
        self.tracker = StepTracker()
        self.events: list[RawEvent] = []
        self.roots: list[RawValue] = []
        self.gaps: list[str] = []
        self.scopes: dict[str, str] = {}
        self.faults: dict[str, int] = {}
        self.thread = get_ident()
        self.on_event: Callable[[RawEvent, int], None] = lambda _e, _s: None
        self._table = table
        self._deliver = deliver
        self._sources = sources
        self._last_graph = Graph()

    @property
    def step(self) -> int:
        """Index of the step that is running."""
        return self._table.step

    def prepare(self, event: RawEvent) -> None:
        """Cut the step before `event` where that is due.

        Called before the event's arguments are looked up, because a leaf is read
        once in each step.
        """
        cut = self.tracker.cut_before(event, len(self.events))
        if cut is not None:
            self.close_step(Status.COMPLETE, until=cut)
        elif len(self.events) >= MAX_EVENTS:
            self.add_gap(f"the step was cut at {MAX_EVENTS} events without an update")
            self.close_step(Status.OPEN)
        start = self.tracker.pass_start(event, len(self.events))
        if start is not None:
            for later in self.events[start:]:
                later.pass_index = self.tracker.pass_index

    def add(self, event: RawEvent) -> None:
        """Append `event`, which `prepare` has seen."""
        event.pass_index = self.tracker.pass_index
        self.tracker.note(event, len(self.events))
        self.events.append(event)

    def is_foreign_thread(self) -> bool:
        """Whether this is another thread than the recorded one; then names it a gap.

        A function mode is entered per thread, but torch's global hooks fire in all.
        """
        if get_ident() == self.thread:
            return False
        self.add_gap(f"the thread {current_thread().name!r} was not recorded")
        return True

    def add_gap(self, reason: str) -> None:
        """Note what could not be seen in this step, each reason once."""
        if reason not in self.gaps:
            self.gaps.append(reason)

    def has_computed(self) -> bool:
        """Whether the step so far built a graph, ran one backward or updated."""
        tracker = self.tracker
        return (
            tracker.has_update
            or tracker.had_backward
            or any(event.extends_graph for event in self.events)
        )

    def add_root(self, value: RawValue) -> None:
        """Note that a backward starts from `value`."""
        if not any(root is value for root in self.roots):
            self.roots.append(value)

    def count_fault(self, fault: BaseException) -> None:
        """Count an error of our own; it becomes a gap in the recording."""
        if isinstance(fault, RecursionError):
            self.add_gap("the user's code was at its recursion limit here")
            return
        text = f"{type(fault).__name__}: {fault}"[:200]
        self.faults[text] = self.faults.get(text, 0) + 1
        if self.faults[text] == 1:
            self.add_gap(f"graphscope failed here ({text}); please report it")

    def close_step(
        self, status: Status, *, until: int | None = None, error: str = ""
    ) -> None:
        """Freeze and deliver the events before `until`; the rest opens a new step."""
        stop = len(self.events) if until is None else until
        done, rest = self.events[:stop], self.events[stop:]
        if done or error or (until is None and self.gaps):
            self._deliver(self.freeze(status, done, error=error))
        self._open_step(rest)

    def freeze(
        self, status: Status, events: list[RawEvent] | None = None, *, error: str = ""
    ) -> Trace:
        """Return `events`, or all of the step so far, as an immutable trace.

        Of two finished steps with equal graphs the second has the very same one.
        """
        is_final = events is not None
        graph, observations = freeze_step(
            self.events if events is None else events,
            roots=self.roots,
            scopes=tuple(Scope(p, c) for p, c in self.scopes.items()),
            gaps=tuple(Gap(None, reason) for reason in self.gaps),
        )
        if graph == self._last_graph:
            graph = self._last_graph
        if is_final:
            self._last_graph = graph
        return Trace(
            graph=graph,
            step=self.step,
            observations=observations,
            status=status,
            error=error,
            sources=dict(self._sources),
        )

    def _open_step(self, events: list[RawEvent]) -> None:
        kept = {value for event in events for value in _values_of(event)}
        ops = {event.op for event in events if event.op is not None}
        self._table.begin_step(kept, ops)
        self.tracker.restart()
        self.events, self.roots, self.gaps = [], [], []
        for event in events:
            self.add(event)

    def finish(self, error: str = "") -> None:
        """Deliver what is left when the recording ends."""
        if error:
            self.close_step(Status.ABORTED, error=error)
        elif self.events or self.gaps:
            is_done = self.tracker.has_update
            self.close_step(Status.COMPLETE if is_done else Status.OPEN)


def _values_of(event: RawEvent) -> list[RawValue]:
    found = list(event.values)
    if event.op is not None:
        found += [v for _, v, _ in event.op.arguments if v is not None]
        found += event.op.outputs
    return found
