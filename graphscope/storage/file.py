"""Reading a `.gscope` file, also while another process writes it. Never writes."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Final, Self

import numpy as np

from graphscope.errors import RecordingError
from graphscope.model.graph import Role
from graphscope.model.trace import Status, Trace
from graphscope.storage.connect import (
    Connection,
    Stamp,
    check_length,
    connect,
    damaged,
    explained,
    read_stamp,
)
from graphscope.storage.decode import StepNumbers
from graphscope.storage.ending import Ending, judge_end
from graphscope.storage.graphs import KnownGraph, load_graph
from graphscope.storage.head import StepHead
from graphscope.storage.index import (
    Flags,
    Mark,
    Summary,
    is_thinned,
    read_blob,
    read_environment,
    read_head,
    read_heads,
    read_kept,
    read_mark,
    read_summary,
    read_thinned,
)
from graphscope.storage.lock import is_locked
from graphscope.storage.memory import step_position
from graphscope.storage.numbering import find_missing, number_steps
from graphscope.storage.paths import real_path
from graphscope.storage.schema import unseal
from graphscope.storage.series import to_number
from graphscope.storage.sources import SourceTexts

_KEPT_GRAPHS: Final = 32
_KEPT_SERIES: Final = 64
_READ_AHEAD: Final = 64  # steps; opening a file that was not closed takes a while


def open_recording(path: Path | str) -> "FileRecording":
    """Open the recording at `path` for reading.

    Raises:
        RecordingError: There is none, it is damaged, newer, or something else.
    """
    return FileRecording(path)


class FileRecording:
    """A recording in a file.

    What it shows is the file as of the last `refresh`; steps are decoded when asked
    for. May be used from several threads. While the file is being written it is
    opened for each question anew, so that the writer can close it at any time.

    Positions are dense: `recording[0]` to `recording[-1]`. The numbers of the steps,
    `Trace.step` and `numbers`, have holes where steps were thinned or dropped. While
    the file is written, a `refresh` may take thinned steps out, and the positions of
    all later ones change.

    Attributes:
        path: Where it is, symbolic links resolved.
        environment: Versions, platform, script and its arguments.
        dropped: Steps that the writer left out because the disk was too slow.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = real_path(path)
        self.environment: Mapping[str, str] = {}
        self._lock = RLock()
        self._connection: Connection | None = None
        self._seen: Stamp | None = None
        self._forget()
        self.refresh()

    def _forget(self) -> None:
        self._summary: Summary | None = None
        self._steps: list[tuple[int, StepHead | None]] = []
        self._numbers: list[int] = []
        self._mark: Mark | None = None
        self._thinned: Flags = np.zeros(0, np.bool_)
        self._graphs: OrderedDict[int, KnownGraph | RecordingError] = OrderedDict()
        self._sources = SourceTexts()
        self._series: OrderedDict[tuple[str, Role], list[float | None]] = OrderedDict()
        self._health: list[bool] = []

    def refresh(self) -> bool:
        """Look for what was written since; True when there is something new.

        Raises:
            RecordingError: The file is gone or cannot be read any more.
        """
        with self._reading() as connection:
            seen, self._seen = self._seen, connection.stamp
            if seen == connection.stamp and not seen.wal_bytes:
                return False
            is_other = seen is not None and seen.identity != connection.stamp.identity
            if is_other:
                self._forget()
            with connection.snapshot():
                return self._read_on(connection) or is_other

    def _read_on(self, connection: Connection) -> bool:
        """Read what was added or changed; whether there is any."""
        before = self._summary, len(self._steps), self._mark
        if not self._steps:
            self.environment = read_environment(connection)
        self._summary = read_summary(connection)
        is_thinner = self._drop_thinned(read_thinned(connection))
        is_replaced = self._read_new(connection)
        after = self._summary, len(self._steps), self._mark
        return is_thinner or is_replaced or before != after

    def _read_new(self, connection: Connection) -> bool:
        """Read from the last step on; whether that one is another than before.

        It may have been a draft, which the step or the next draft has replaced. Other
        threads ask for steps meanwhile: no list may lack one in between.
        """
        last = max(len(self._steps) - 1, 0)
        start = self._steps[last][0] if self._steps else 0
        mark = read_mark(connection, start) if self._steps else None
        is_replaced = bool(self._steps) and mark != self._mark
        if is_replaced:
            del self._health[last:]
            for numbers in self._series.values():
                del numbers[last:]
        new = read_heads(connection, start, self._summary, self._thinned)
        self._steps[last:] = new
        shift = self._numbers[last - 1] - self._steps[last - 1][0] if last else 0
        self._numbers = [*self._numbers[:last], *number_steps(new, shift)]
        if self._steps:
            end = self._steps[-1][0]
            is_read = mark is not None and end == start
            self._mark = mark if is_read else read_mark(connection, end)
        else:
            check_length(self.path, connection.stamp)
        return is_replaced

    def _drop_thinned(self, thinned: Flags) -> bool:
        """Forget the steps that were thinned since; whether there are any."""
        if np.array_equal(thinned, self._thinned):
            return False
        self._thinned = thinned
        stay = [row >= thinned.size or not thinned[row] for row, _ in self._steps]
        self._steps = list(compress(self._steps, stay))
        self._health = list(compress(self._health, stay))
        self._numbers = number_steps(self._steps)
        for key, numbers in self._series.items():
            self._series[key] = list(compress(numbers, stay))
        return True

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._lock, explained(self.path):
            stamp = read_stamp(self.path)
            if self._connection is None or self._connection.stamp != stamp:
                self._disconnect()
                self._connection = connect(self.path)
            connection = self._connection
            try:
                yield connection
            finally:
                if connection.stamp.wal_bytes:
                    self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def status(self) -> Status:
        """COMPLETE, ABORTED (`error` says why), or OPEN: still written, or killed."""
        if self._summary is None:
            return Status.OPEN
        return Status.ABORTED if self._summary.error else Status.COMPLETE

    @property
    def error(self) -> str:
        """Type and message of the exception, or why it was stopped; else empty."""
        return self._summary.error if self._summary is not None else ""

    @property
    def ending(self) -> Ending:
        """How the run ended, or that it has not."""
        if self._summary is None:
            return Ending.RUNNING if is_locked(self.path) else Ending.KILLED
        return judge_end(self.error, self._steps[-1][1] if self._steps else None)

    @property
    def dropped(self) -> int:
        """How many steps the writer had to leave out; known after a clean close."""
        return self._summary.dropped if self._summary is not None else 0

    @property
    def sources(self) -> Mapping[str, str]:
        """The latest text of each of the user's files, by path."""
        with self._reading() as connection:
            return self._sources.latest(connection)

    @property
    def is_written(self) -> bool:
        """Whether a process writes it right now: OPEN without that was killed."""
        return self._summary is None and is_locked(self.path)

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each step, by position; damaged steps included."""
        return self._numbers

    @property
    def missing(self) -> tuple[range, ...]:
        """The numbers that no step has: thinned for the disk budget, or dropped."""
        return find_missing(self._numbers)

    @property
    def thinned(self) -> int:
        """How many steps were taken out to stay within the disk budget."""
        return int(self._thinned.sum())

    @property
    def damaged(self) -> tuple[int, ...]:
        """Positions of the steps that cannot be read. Reads all of them at first."""
        with self._reading() as connection:
            for position in range(len(self._health), len(self)):
                self._health.append(self._holds(connection, position))
            return tuple(i for i, is_whole in enumerate(self._health) if not is_whole)

    def _holds(self, connection: Connection, position: int) -> bool:
        try:
            self._read_numbers(connection, position)
        except RecordingError:
            return False
        return True

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, step: int) -> Trace:
        """Return the step at a position; negative ones count from the end.

        Raises:
            StepRangeError: There is no such step.
            RecordingError: The step is damaged.
        """
        position = step_position(step, len(self), repr(str(self.path)))
        with self._reading() as connection:
            return self._read_trace(connection, position)

    def _read_trace(self, connection: Connection, step: int) -> Trace:
        head, known, numbers = self._read_numbers(connection, step)
        return Trace(
            graph=known.graph,
            step=head.step,
            observations=numbers,
            status=head.status,
            error=head.error,
            sources=self._sources.pick(connection, numbers.sources),
            kept=read_kept(connection, self._steps[step][0], head),
        )

    def __iter__(self) -> Iterator[Trace]:
        """Iterate over the steps.

        Raises:
            RecordingError: On reaching a damaged one; `damaged` lists them.
        """
        count = len(self)
        for start in range(0, count, _READ_AHEAD):
            for found in self._read_many(range(start, min(count, start + _READ_AHEAD))):
                if isinstance(found, RecordingError):
                    raise found
                yield found

    def _read_many(self, steps: range) -> list[Trace | RecordingError]:
        """Read some steps over one connection, up to the first damaged one."""
        found: list[Trace | RecordingError] = []
        with self._reading() as connection:
            for step in steps:
                try:
                    found.append(self._read_trace(connection, step))
                except RecordingError as reason:
                    return [*found, reason]
        return found

    def losses(self) -> list[float | None]:
        """Return the loss of every step, without reading the steps."""
        return [None if head is None else head.loss for _, head in self._steps]

    def series(self, value_name: str, role: Role) -> list[float | None]:
        """Return one number per step: the scalar or the l2 norm of a named value.

        None where the step has no such value, no number for it, or is damaged.
        """
        with self._reading() as connection:
            numbers = self._series.setdefault((value_name, role), [])
            self._series.move_to_end((value_name, role))
            if len(self._series) > _KEPT_SERIES:
                self._series.popitem(last=False)
            for step in range(len(numbers), len(self)):
                numbers.append(self._read_number(connection, step, value_name, role))
            return list(numbers)

    def _read_number(
        self, connection: Connection, position: int, name: str, role: Role
    ) -> float | None:
        try:
            head = self._steps[position][1]
            if not self._may_change(position) and (
                head is None
                or self._read_graph(connection, head.graph).slot(name, role) is None
            ):
                return None  # without reading its numbers
            _, known, numbers = self._read_numbers(connection, position)
            slot = known.slot(name, role)
            return None if slot is None else to_number(numbers[slot])
        except RecordingError:
            return None

    def _read_numbers(
        self, connection: Connection, position: int
    ) -> tuple[StepHead, KnownGraph, StepNumbers]:
        row, head = self._steps[position]
        try:
            if not self._may_change(position):
                return self._decode(connection, row, head)
            with connection.snapshot():
                return self._decode(connection, row, read_head(connection, row))
        except (RecordingError, sqlite3.DatabaseError) as error:
            reason = error
        number = self._numbers[position]
        if self._summary is None and is_thinned(connection, row):
            raise RecordingError(
                f"Step {number} was thinned away just now, to stay within the disk"
                f" budget. In {str(self.path)!r}. Choose a step next to it."
            )
        raise damaged(self.path, f"step {number} is lost. {reason}")

    def _may_change(self, position: int) -> bool:
        """Whether a step can be a draft.

        When that is replaced its graph goes too, and the head that was read with the
        last `refresh` is of no use.
        """
        return self._summary is None and position == len(self) - 1

    def _decode(
        self, connection: Connection, row: int, head: StepHead | None
    ) -> tuple[StepHead, KnownGraph, StepNumbers]:
        if head is None:
            raise RecordingError("Its row is missing or its checksum differs")
        known = self._read_graph(connection, head.graph)
        body = unseal("step", row, read_blob(connection, "step", row))
        return head, known, StepNumbers(known.table, body)

    def _read_graph(self, connection: Connection, row: int) -> KnownGraph:
        found = self._graphs.get(row)
        if found is None:
            found = self._graphs[row] = load_graph(connection, row)
            if len(self._graphs) > _KEPT_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(row)
        if isinstance(found, RecordingError):
            raise found
        return found

    def close(self) -> None:
        """Close the file. It opens again when something is asked."""
        with self._lock:
            self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
