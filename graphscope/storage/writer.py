"""Writing a recording while the training runs, without making it wait for the disk.

Separate from the connection (`graphscope.storage.sink`), which lives on this writer's
own thread.
"""

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, RLock, Thread
from time import monotonic, sleep
from typing import Final

from graphscope.errors import RecordingError
from graphscope.forks import call_in_child
from graphscope.model.graph import Graph
from graphscope.model.packed import PackedNumbers
from graphscope.model.trace import Trace
from graphscope.storage.create import create_file
from graphscope.storage.paths import real_path
from graphscope.storage.schema import NO_LIMIT
from graphscope.storage.sink import Sink

COMMIT_INTERVAL_S: Final = 0.03
"""With `_SILENCE_S` and a commit, far below the 100 ms that `kill -9` may cost."""
LATE_S: Final = 0.06
"""A step that waits longer than this makes `add` wait too; half of it is on purpose."""
MAX_PENDING_BYTES: Final = 64 << 20
"""Most numbers that wait for the disk."""
PATIENCE_S: Final = 0.05
"""Longest that `add` waits when the disk is behind."""
SHOW_PATIENCE_S: Final = 2.0
"""Longest that `show` waits until readers can see the step."""

_FLUSH_PATIENCE_S: Final = 10.0
_EVENT_S: Final = 0.001
_NAP_S: Final = 0.001
_SILENCE_S: Final = 0.03
_GATHERED: Final = 16  # steps that are written at once: each time stops the training
_SLOT_BYTES: Final = 128  # what an Observation takes beside its data

Place = tuple[int, int]
"""How far training is: the number of the step, and how many events it has."""


class RecordingWriter:
    """Writes traces to a new `.gscope` file on a thread of its own.

    `add` hands a frozen trace over and returns. Steps are committed at most 30 ms
    after they came. When it is behind by more than another 30 ms or 64 MiB, `add`
    waits up to 50 ms; what still does not fit into the 64 MiB then is dropped
    and counted (`dropped`), so that a slow disk costs steps and not training time.
    The first failure to write ends the recording, never the training: `error` is set,
    `report` is called with it on the writer's thread, and everything later does
    nothing. A forked child has a closed writer.

    When the file reaches `max_bytes`, older steps are thinned evenly; see
    `graphscope.storage.budget`. By default all are kept.

    After 30 ms without a new step `peek` is asked, on the writer's thread, for the step
    that is running; what it returns is written as a draft, which the step replaces.
    `show` writes such a draft at once, for a debugger that has paused the training;
    what `peek` finds then counts only when it goes further.

    Without `starts` nothing is written before `start` is called; until then `peek` and
    `report` can be set.

    Raises:
        RecordingError: The file exists (without `overwrite`), is not a recording, or
            cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        environment: Mapping[str, str],
        overwrite: bool = False,
        max_bytes: int = NO_LIMIT,
        starts: bool = True,
    ) -> None:
        self.peek: Callable[[], Trace | None] = lambda: None
        self.report: Callable[[RecordingError], None] = lambda _: None
        self._max_bytes = max_bytes
        self._sink: Sink | None = None
        self.path = real_path(path)
        self.error: RecordingError | None = None
        self.dropped = 0
        create_file(self.path, environment, overwrite=overwrite)
        # Taken as `with self._lock`, a C object: an interrupt inside of the Python code
        # of a Condition would leave it taken for ever. For the same reason the training
        # thread sleeps where it waits.
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._is_over = False
        self._is_idle = False
        self._last_graph: Graph | None = None
        self._unwritten_events = 0
        self._pending: deque[tuple[Trace, int, float]] = deque()
        self._pending_bytes = 0
        self._added = 0
        self._committed = 0
        self._flush_to = 0
        self._asked: Trace | None = None  # to be shown, after all that is pending
        self._asks = 0
        self._answer = 0, False  # the number of the last ask, and whether it is there
        self._shown_place: Place | None = None
        self._quiet_since = monotonic()
        self._is_closed = False
        self._end_error = ""
        self._thread = Thread(target=self._run, name="graphscope-writer", daemon=True)
        call_in_child(self._drop_in_child)
        if starts:
            self.start()

    def start(self) -> None:
        """Begin to write. Only then is there something that must be closed."""
        try:
            self._thread.start()
            # Then a second process finds the file in use, and does not replace it.
            self._wait_until(
                lambda: self._sink is not None or self._is_over, _FLUSH_PATIENCE_S
            )
        except BaseException:  # an interrupt
            self.close()
            raise

    def _wait_until(self, is_reached: Callable[[], bool], patience_s: float) -> None:
        until = monotonic() + patience_s
        while not is_reached() and monotonic() < until:
            sleep(_NAP_S)

    @property
    def _patience_s(self) -> float:
        """How long the disk may take; a graph of 200,000 events is long to encode."""
        return _FLUSH_PATIENCE_S + self._unwritten_events * _EVENT_S

    def add(self, trace: Trace) -> None:
        """Take over one step; a step that does not fit is dropped and counted."""
        size = _count_bytes(trace)
        if self._is_behind(size):
            self._wait_until(lambda: not self._is_behind(size), PATIENCE_S)
        with self._lock:
            if self._is_done():
                return
            if self._pending and self._pending_bytes + size > MAX_PENDING_BYTES:
                self.dropped += 1
                return
            self._quiet_since = monotonic()
            self._pending.append((trace, size, self._quiet_since))
            self._pending_bytes += size
            self._added += 1
            self._asked = self._shown_place = None
            if trace.graph is not self._last_graph:
                self._last_graph = trace.graph
                self._unwritten_events += len(trace.graph.events)
            if len(self._pending) % _GATHERED == 0 or self._is_idle:
                self._changed.notify_all()

    def show(self, trace: Trace, *, patience_s: float = SHOW_PATIENCE_S) -> bool:
        """Let readers see the step that is running, as far as it got; for a pause.

        Written as a draft, after all steps that were added before. Waits until it is
        committed: False when it is not by then, is larger than a reader takes, or the
        recording has ended. The next `show` or `add` replaces it; a recording that is
        closed or killed before that ends with it.
        """
        with self._lock:
            if self._is_done():
                return False
            self._asked = trace
            self._asks += 1
            number = self._asks
            self._changed.notify_all()
        self._wait_until(
            lambda: self._answer[0] >= number or self._is_done(), patience_s
        )
        return self._answer == (number, True)

    def _is_done(self) -> bool:
        return self._is_closed or self.error is not None

    def _is_behind(self, size: int) -> bool:
        with self._lock:
            if self._is_done() or not self._pending:
                return False
            age = monotonic() - self._pending[0][2]
            return age > LATE_S or self._pending_bytes + size > MAX_PENDING_BYTES

    def flush(self) -> bool:
        """Wait until all that was added is in the file; False when it is not.

        Waits 10 s at most, and 1 ms for each event of a graph that is not written
        yet; then the disk is considered lost.
        """
        with self._lock:
            if self._is_done():
                return self.error is None
            target = self._flush_to = self._added
            self._changed.notify_all()
        self._wait_until(
            lambda: self._committed >= target or self._is_done(), self._patience_s
        )
        return self.error is None and self._committed >= target

    def close(self, *, error: str = "") -> None:
        """Write what is left and turn the recording into one closed file.

        After an interrupt it may be called again.

        Args:
            error: Type and message of the exception that ended the run, if one did.
        """
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._end_error = error
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(self._patience_s)

    def _run(self) -> None:
        sink = None
        try:
            sink = self._sink = Sink(self.path, max_bytes=self._max_bytes)
            while self._write_next(sink):
                pass
            sink.finish(error=self._end_error, dropped=self.dropped)
        except Exception as reason:  # noqa: BLE001 - never reaches the training
            self._give_up(reason)
            if sink is not None:
                _close_quietly(sink)
        finally:
            self._is_over = True

    def _write_next(self, sink: Sink) -> bool:
        """Write until the next commit is due; False when the recording ends."""
        due = self._wait_for_work()
        if due is None:
            self._write_peeked(sink)
            return True
        while traces := self._take(due):
            for trace, size in traces:
                is_written = sink.write(trace)
                with self._lock:
                    self._pending_bytes -= size
                    self.dropped += not is_written
        number, place = self._write_asked(sink)
        sink.commit()
        with self._lock:
            self._committed = self._added - len(self._pending)
            if number:
                self._answer = number, place is not None
            if not self._pending:
                self._unwritten_events = 0
            self._changed.notify_all()
            return self._has_work or not self._is_closed

    @property
    def _has_work(self) -> bool:
        return bool(self._pending) or self._asked is not None

    def _write_asked(self, sink: Sink) -> tuple[int, Place | None]:
        """Write what is to be shown; return its number (0: nothing) and its place."""
        with self._lock:
            trace, number = self._asked, self._asks
            if trace is None or self._pending:  # what was added before goes first
                return 0, None
            self._asked = None
        is_written = sink.write(trace, is_draft=True)
        place = _place_of(trace) if is_written else None
        with self._lock:
            if not self._pending:
                self._shown_place = place
        return number, place

    def _write_peeked(self, sink: Sink) -> None:
        draft, shown = self.peek(), self._shown_place
        self._quiet_since = monotonic()
        if draft is None or (shown is not None and _place_of(draft) <= shown):
            return  # what was shown while training is paused stays
        sink.write(draft, is_draft=True)
        sink.commit()

    def _wait_for_work(self) -> float | None:
        """Return when the next commit is due, None after a while without work.

        What came before the last commit was part of the while.
        """
        with self._lock:
            self._is_idle = True
            left = self._quiet_since + _SILENCE_S - monotonic()
            has_work = self._changed.wait_for(
                lambda: self._has_work or self._is_closed, max(left, _NAP_S)
            )
            self._is_idle = False
            # The first step soon: so a disk that is nearly full keeps at least that.
            interval = COMMIT_INTERVAL_S if self._committed else _NAP_S
            return monotonic() + interval if has_work else None

    def _take(self, due: float) -> list[tuple[Trace, int]]:
        """Return the next traces of this transaction, none when it must end.

        With each the bytes that wait until it is written.

        They are gathered until it is due: waking up for each would stop the training
        each time.
        """
        with self._lock:
            left = due - monotonic()
            if left <= 0 and not self._is_hurried:
                return []
            self._changed.wait_for(
                lambda: len(self._pending) >= _GATHERED or self._is_hurried,
                max(0.0, left),
            )
            traces = [(trace, size) for trace, size, _ in self._pending]
            self._pending.clear()
            return traces

    @property
    def _is_hurried(self) -> bool:
        return (
            self._is_closed
            or self._asked is not None
            or self._flush_to > self._committed
        )

    def _give_up(self, reason: Exception) -> None:
        with self._lock:
            self.error = RecordingError(
                f"The recording ended early: {reason}. In {str(self.path)!r}, after"
                f" {self._committed} steps. The training goes on; make room, or"
                " find out who else wrote to the file, and record again."
            )
            self.error.__cause__ = reason
            self._pending.clear()
            self._pending_bytes = 0
            self._asked = None
            self._changed.notify_all()
        self.report(self.error)

    def _drop_in_child(self) -> None:
        """Leave the file to the parent: what a forked child runs.

        The thread, and with it the connection, does not exist in the child. Nothing may
        close the connection there: SQLite's locks belong to the parent.
        """
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._pending = deque()
        self._asked = None
        self._is_closed = True
        if self._sink is not None:
            self._sink.drop_lock()


def _place_of(trace: Trace) -> Place:
    return trace.step, len(trace.graph.events)


def _close_quietly(sink: Sink) -> None:
    try:
        sink.abandon()
    except Exception:  # noqa: BLE001 - the first failure is the one to report
        return


def _count_bytes(trace: Trace) -> int:
    if isinstance(trace.observations, PackedNumbers):
        return trace.observations.size_bytes
    size = 0
    for seen in trace.observations:
        size += _SLOT_BYTES
        if seen is not None and seen.data is not None:
            size += seen.data.nbytes
    return size
