"""The events of the step that is running, and its delivery when it is over."""

from collections.abc import Callable, Sequence
from threading import RLock, current_thread, get_ident

from graphscope.capture.faults import is_foreign
from graphscope.capture.freeze import freeze_step
from graphscope.capture.gate import Gatekeeper, Missing
from graphscope.capture.guard import make_guard
from graphscope.capture.identity import TensorTable
from graphscope.capture.records import (
    RawCall,
    RawEvent,
    RawValue,
    records_of,
    values_of,
)
from graphscope.capture.replay import Change, Replay, Script, choose_script
from graphscope.capture.steps import StepTracker
from graphscope.capture.survivors import SurvivorWatch
from graphscope.model.graph import EventKind, Gap, Scope
from graphscope.model.packed import SlotTable
from graphscope.model.trace import Status, Trace

MAX_EVENTS = 200_000
"""A step that grows past this is closed with a gap: memory is the user's."""

RECORDED_THREADS: list[int] = []
"""The threads that recorders record now, in this process."""

_MAX_MISSES = 2


class Journal:
    """Collects events; hands each finished step to `deliver`.

    Attributes:
        lock: Held while anything is written down: backward may run on other threads.
        guarded: Runs what writes it down; `graphscope.capture.guard`.
        roots: Values that backward was called on in this step.
        faults: Errors of graphscope's own, by message, with their count.
        thread: The thread that is recorded.
        replay: Whether and where this step repeats an earlier one.
        is_partial: Whether the last event of the replay has not come in full.
        is_in_backward: Whether a backward runs that the user's code called.
        passed: How many events the steps before had.
        on_event: Told of each event, by `tell`, while `listening` is not empty.
        keeper: Asked at each event, by `tell`, while its gate is armed.
    """

    def __init__(
        self,
        table: TensorTable,
        deliver: Callable[[Trace], None],
        sources: dict[str, str],
        keeper: Gatekeeper,
    ) -> None:
        self.lock = RLock()
        self.keeper = keeper
        self.guarded = make_guard(
            self.lock, self.count_fault, keeper.pending, keeper.release
        )
        self.tracker = StepTracker()
        self.replay = Replay(keeper.forget)
        self.events: list[RawEvent] = []
        self.roots: list[RawValue] = []
        self.gaps: list[str] = []
        self.scopes: dict[str, str] = {}
        self.faults: dict[str, int] = {}
        self.thread = get_ident()
        self.listening: Sequence[object] = ()
        self.on_event: Callable[[RawEvent, int], None] = lambda _e, _s: None
        self.take_idle: Callable[[], tuple[RawCall, ...]] = tuple
        self._table = table
        self._deliver = deliver
        self._sources = sources
        self._changes: list[Change] = []
        self._is_prepared = False
        self._is_turning = False  # one step is delivered, the next not begun yet
        self.is_partial = False
        self.is_in_backward = False
        self.is_renamed = False  # then the step is no model for the next one
        self.passed = 0
        self._has_left = False
        self._survivors = SurvivorWatch(table, sources, self.count_fault)
        self._last: Script | None = None
        self._favourite: Script | None = None
        table.change = self.change
        table.is_replaying = lambda: self.replay.script is not None

    @property
    def step(self) -> int:
        """Index of the step that is running."""
        return self._table.step

    @property
    def has_update(self) -> bool:
        """Whether an update has ended what the running step computed."""
        script = self.replay.script
        if script is not None:
            return script.has_update and self.replay.is_at_end
        return self.tracker.has_update

    def upcoming(self, kind: EventKind) -> RawEvent | None:
        """Return the record that an event of this kind may use again, if it fits.

        After an update that is also the first event of the step: then a new step
        begins, which `enter` sees to.
        """
        replay = self.replay
        if self.is_partial:
            self.leave()
        if replay.script is not None:
            event = replay.expected
            if event is not None:
                return event if event.kind is kind else None
            if not replay.script.has_update:
                return None
        elif not self.tracker.has_update:
            return None
        first = self.tracker.first_again(self.events)
        return first if first is not None and first.kind is kind else None

    def enter(self, event: RawEvent) -> bool:
        """Let `event`, which `upcoming` returned and which fits, be the next one.

        Returns False when another record has to be looked at.
        """
        if self.replay.expected is event:
            return True
        self.close_step(Status.COMPLETE)
        return self.replay.expected is event

    def advance(self, event: RawEvent) -> None:
        """Append `event`, the record of the script that came again."""
        self.events.append(event)
        self.replay.advance()

    def tell(self, event: RawEvent, missing: Missing = tuple) -> None:
        """Announce an event that is complete; for `missing` see `Gatekeeper.ask`."""
        if self.listening:
            self.on_event(event, self._table.step)
        if self.keeper.gate.is_armed:
            self.keeper.ask(event, missing)

    def leave(self) -> None:
        """Go on recording anew: the rest of the step is not what the last one was."""
        script = self.replay.script
        self.is_partial = False
        if script is None:
            return
        moment = 2 * self.replay.cursor
        self._changes = [c for c in script.changes if c.moment <= moment]
        used = records_of(self.events)
        for change in reversed(script.changes):
            if change.moment > moment and change.record in used:
                setattr(change.record, change.attribute, change.before)
        script.misses += not self.replay.is_at_end
        self.replay.stop()
        self.tracker.restart()
        events, self.events = self.events, []
        for event in events:
            self._mark_pass(event)
            self.add(event)
        self._has_left = True

    def change(self, record: object, attribute: str, fresh: object) -> None:
        """Change a record of an earlier event, so that it can be undone."""
        before = getattr(record, attribute)
        if before is fresh or before == fresh:
            return
        self.leave()
        moment = 2 * len(self.events) + self._is_prepared
        self._changes.append(Change(moment, record, attribute, before))
        setattr(record, attribute, fresh)
        if attribute in ("name", "also"):
            self.keeper.index.note_names(record)

    def prepare(self, event: RawEvent) -> None:
        """Cut the step before `event` where that is due.

        Called before the event's arguments are looked up, because a leaf is read
        once in each step.
        """
        self.leave()
        cut = self.tracker.cut_before(event, len(self.events))
        if cut is not None:
            self.close_step(Status.COMPLETE, until=cut)
            self.leave()
        elif len(self.events) >= MAX_EVENTS:
            self.add_gap(f"the step was cut at {MAX_EVENTS} events without an update")
            self.close_step(Status.OPEN)
            self.leave()
        self._mark_pass(event)
        self._is_prepared = True

    def _mark_pass(self, event: RawEvent) -> None:
        start = self.tracker.pass_start(event, len(self.events))
        if start is not None:
            for later in self.events[start:]:
                later.pass_index = self.tracker.pass_index

    def add(self, event: RawEvent) -> None:
        """Append `event`, which `prepare` has seen."""
        self.leave()
        event.pass_index = self.tracker.pass_index
        self.tracker.note(event, len(self.events))
        if event.idle is None:
            event.idle, event.parts = self.take_idle(), self._has_left
            self._has_left = False
        self.events.append(event)
        self._is_prepared = False

    def is_foreign_thread(self) -> bool:
        """Whether this is another thread than the recorded one; then names it a gap.

        A function mode is entered per thread, but torch's global hooks fire in all.
        """
        here = get_ident()
        if here == self.thread:
            return False
        if here in RECORDED_THREADS:
            return True  # another recorder's
        self.add_gap(f"the thread {current_thread().name!r} was not recorded")
        return True

    def add_gap(self, reason: str) -> None:
        """Note what could not be seen in this step, each reason once."""
        if reason not in self.gaps:
            self.gaps.append(reason)

    def has_computed(self) -> bool:
        """Whether the step so far built a graph, ran one backward or updated."""
        self.leave()
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
        """Count an error of our own; it becomes a gap in the recording.

        Called where it was caught: what is the user's is raised again.
        """
        self.leave()
        if is_foreign(fault):
            self.add_gap(f"{type(fault).__name__} interrupted the recording here")
            raise fault
        if isinstance(fault, RecursionError):
            self.add_gap("the user's code was at its recursion limit here")
            return
        self._table.is_doubtful = True
        text = f"{type(fault).__name__}: {fault}"[:200]
        self.faults[text] = self.faults.get(text, 0) + 1
        if self.faults[text] == 1:
            self.add_gap(f"graphscope failed here ({text}); please report it")

    def close_step(
        self, status: Status, *, until: int | None = None, error: str = ""
    ) -> None:
        """Freeze and deliver the events before `until`; the rest opens a new step."""
        self._survivors.look()
        ended = self.replay.script
        if until is None and not error and self._is_repeated(status):
            self._deliver(self._repeat())
            self._is_turning = True
            self._open_step([], ended)
            return
        self.leave()
        stop = len(self.events) if until is None else until
        done, rest, ended = self.events[:stop], self.events[stop:], None
        if done or error or (until is None and self.gaps):
            ended = self._freeze(done)
            self._deliver(self._trace(ended, status, error))
            self._is_turning = True
            self._keep(ended, rest)
        self._open_step(rest, ended)

    def _is_repeated(self, status: Status) -> bool:
        """Whether the running step turned out to be the script, to the last event."""
        script = self.replay.script
        return (
            script is not None
            and self.replay.is_at_end
            and not self.is_partial
            and status is Status.COMPLETE
            and script.ends_with(self.roots, self.gaps, len(self.scopes))
        )

    def _repeat(self) -> Trace:
        script = self.replay.script
        if script is None:
            raise ValueError("no step is repeated")
        script.uses += 1
        script.misses = 0
        return self._trace(script, Status.COMPLETE, "")

    def _trace(self, script: Script, status: Status, error: str) -> Trace:
        readings = [holder.seen for holder in script.holders]
        return Trace(
            graph=script.graph,
            step=self.step,
            observations=self._table.readings.pack(readings, script.table),
            status=status,
            error=error,
            sources=dict(self._sources),
            kept=self._survivors.kept,
        )

    def _freeze(self, events: list[RawEvent]) -> Script:
        """Return `events` with the graph that they make.

        Of two finished steps with equal graphs the second has the very same one.
        """
        graph, holders = freeze_step(
            events,
            roots=self.roots,
            scopes=tuple(Scope(p, c) for p, c in self.scopes.items()),
            gaps=tuple(Gap(None, reason) for reason in self.gaps),
        )
        table = None
        for known in (self._last, self._favourite):
            if known is not None and known.graph == graph:
                graph, table = known.graph, known.table
        return Script(
            events=events,
            graph=graph,
            table=table or SlotTable(graph.slots),
            holders=holders,
            roots=list(self.roots),
            gaps=list(self.gaps),
            scopes=len(self.scopes),
            changes=[c for c in self._changes if c.moment <= 2 * len(events)],
            has_update=self.tracker.has_update,
            ops={event.op for event in events if event.op is not None},
        )

    def _keep(self, script: Script, rest: list[RawEvent]) -> None:
        """Remember a finished step, and beside it the one that came most often."""
        last, best = self._last, self._favourite
        if last is not None and last.uses and (best is None or last.uses > best.uses):
            self._favourite = last
        if self._favourite is not None and self._favourite.misses >= _MAX_MISSES:
            self._favourite = None
        self._last = script
        kept = self._favourite.ops if self._favourite is not None else set()
        begun = {event.op for event in rest if event.op is not None}
        self._table.let_go(script.ops | kept | begun)

    def freeze(self) -> Trace:
        """Return the step so far, whose update is over, as an immutable trace."""
        script = self.replay.script if self._is_repeated(Status.COMPLETE) else None
        return self._trace(script or self._freeze(self.events), Status.COMPLETE, "")

    def _open_step(self, events: list[RawEvent], ended: Script | None) -> None:
        self.replay.stop()
        self.passed += len(self.events) - len(events)
        nodes = self._table.nodes
        self._table.begin_step(
            {value for event in events for value in values_of(event)},
            [slot for event in events for slot in event.slots],
        )
        self.tracker.restart()
        self.events, self.roots, self.gaps, self._changes = [], [], [], []
        self._is_prepared = self._is_turning = self._has_left = False
        for event in events:
            self.add(event)
        is_known = self._last is not None and self._last.events and not self.is_renamed
        self.is_renamed = False
        if not events and self._last is not None and is_known:
            self.replay.start(choose_script(self._last, self._favourite))
        self._survivors.mark(nodes, ended)

    def clear(self) -> None:
        """Let go of all records; the recording is over."""
        self.replay.stop()
        self._last = self._favourite = None
        self.events, self.roots, self._changes = [], [], []
        self._survivors.clear()

    def finish(self, error: str = "", *, is_aborted: bool = True) -> None:
        """Deliver what is left when the recording ends, and why it did."""
        if self._is_turning:  # interrupted: the numbers of these are gone
            self.replay.stop()
            self.events, self.roots = [], []
        if error:
            self.close_step(Status.ABORTED if is_aborted else Status.OPEN, error=error)
        elif self.events or self.gaps:
            self.close_step(Status.COMPLETE if self.has_update else Status.OPEN)
