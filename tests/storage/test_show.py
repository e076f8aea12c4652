"""What a debugger shows of a paused step: there at once, and gone without a trace."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from graphscope.model.graph import Role
from graphscope.model.observation import Observation
from graphscope.model.trace import Status, Trace
from graphscope.storage import sink as sink_module
from graphscope.storage.file import open_recording
from graphscope.storage.sink import Sink
from graphscope.storage.writer import RecordingWriter
from tests.drafts import cut_short
from tests.samples import logistic_trace, logistic_traces
from tests.storage.compare import trace_bits
from tests.storage.scripts import start
from tests.waiting import wait_for

EVENTS = len(logistic_trace().graph.events)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.gscope"


def partial(step: int, events: int) -> Trace:
    return replace(cut_short(logistic_trace(), events), step=step)


def graph_rows(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as database:
        return [row for (row,) in database.execute("SELECT id FROM graph ORDER BY id")]


def test_what_is_shown_is_there_after_all_steps_that_were_added(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    for trace in logistic_traces(40):
        writer.add(trace)
    assert writer.show(partial(40, 3))
    with open_recording(path) as recording:
        assert list(recording.numbers) == list(range(41))
        assert trace_bits(recording[-1]) == trace_bits(partial(40, 3))
        assert recording[-1].status is Status.OPEN
        assert recording[39].status is Status.COMPLETE
    writer.close()


def test_each_event_of_a_step_is_shown_and_the_step_replaces_them(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    shown = []
    with open_recording(path) as recording:
        for events in range(1, EVENTS):
            assert writer.show(partial(1, events))
            assert recording.refresh()
            assert trace_bits(recording[-1]) == trace_bits(partial(1, events))
            shown.append(len(recording))
        writer.add(replace(logistic_trace(), step=1))
        writer.close()
        assert recording.refresh()
        assert [trace.status for trace in recording] == [Status.COMPLETE] * 2
    assert shown == [2] * (EVENTS - 1)


def test_a_thousand_pauses_leave_one_graph(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    writer.flush()
    for number in range(1000):
        assert writer.show(partial(1, 1 + number % (EVENTS - 1)))
        if number % 100 == 0:
            # That of the first step, and that of the draft; never one row for both.
            assert graph_rows(path) == [0, number + 1]
    writer.add(replace(logistic_trace(), step=1))
    writer.close()
    assert graph_rows(path) == [0]
    # Two steps of 33 slots, a graph of 10 KB twice, and what two drafts once took.
    assert path.stat().st_size < 120_000


def test_a_graph_that_a_step_uses_stays_when_its_draft_goes(path: Path) -> None:
    whole = logistic_trace()
    writer = RecordingWriter(path, environment={})
    assert writer.show(replace(whole, status=Status.OPEN))
    writer.add(whole)
    assert writer.show(replace(whole, step=1, status=Status.OPEN))
    assert writer.show(partial(1, 2))
    writer.flush()
    assert graph_rows(path) == [0, 1]
    writer.close()
    with open_recording(path) as recording:
        assert trace_bits(recording[0]) == trace_bits(whole)


def test_a_draft_with_the_same_graph_and_other_numbers_is_news(path: Path) -> None:
    first = partial(0, 3)
    ones = [Observation(np.ones(1, np.float32)) for _ in first.observations]
    writer = RecordingWriter(path, environment={})
    assert writer.show(first)
    with open_recording(path) as recording:
        assert recording.series("x_1", Role.VALUE) == [pytest.approx(3.7)]
        assert writer.show(first)
        assert not recording.refresh()
        assert writer.show(replace(first, observations=ones))
        assert recording.refresh()
        assert recording.series("x_1", Role.VALUE) == [1.0]
        seen = recording[0].seen(0)
        assert seen is not None
        assert seen.scalar == 1.0
    writer.close()


def test_a_reader_that_has_not_looked_again_gets_the_newest(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    assert writer.show(partial(1, 2))
    with open_recording(path) as recording:
        assert len(recording[1].graph.events) == 2
        assert writer.show(partial(1, 5))
        assert trace_bits(recording[1]) == trace_bits(partial(1, 5))
        assert recording.damaged == ()
        assert recording.series("w_1", Role.VALUE)[0] == 0.5
        writer.add(replace(logistic_trace(), step=1))
        writer.close()
        assert recording[1].status is Status.COMPLETE
        assert recording.damaged == ()
        assert recording.refresh()
        assert recording.series("w_1", Role.VALUE) == [0.5, 0.5]


def test_what_is_shown_last_stays_when_no_step_follows(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    assert writer.show(partial(1, 3))
    assert writer.show(partial(1, 4))
    writer.close()
    assert writer.error is None
    with open_recording(path) as recording:
        assert [trace_bits(t) for t in recording] == [
            trace_bits(logistic_trace()),
            trace_bits(partial(1, 4)),
        ]
    assert graph_rows(path) == [0, 2]
    # Like the graph of any step, the draft's has a second copy.
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT id FROM meta WHERE id < 0 ORDER BY id")
        assert rows.fetchall() == [(-3,), (-1,)]


class Peeking:
    """Answers the writer, and knows how often it was asked."""

    def __init__(self, answer: Trace) -> None:
        self.answer = answer
        self.times = 0

    def __call__(self) -> Trace | None:
        self.times += 1
        return self.answer

    def wait_for_two_more(self) -> None:
        """Wait until an answer was dealt with: then the next question comes."""
        before = self.times
        wait_for(lambda: self.times >= before + 2)


def test_a_paused_step_is_not_overwritten_by_what_was_known_before(path: Path) -> None:
    peek = Peeking(replace(partial(0, 4), status=Status.COMPLETE))
    writer = RecordingWriter(path, environment={}, starts=False)
    writer.peek = peek
    writer.start()
    assert writer.show(partial(0, 4))
    peek.wait_for_two_more()
    with open_recording(path) as recording:
        assert recording[0].status is Status.OPEN

        # It goes on, and sleeps before its step is over.
        peek.answer = replace(partial(0, 6), status=Status.COMPLETE)
        peek.wait_for_two_more()
        assert recording.refresh()
        assert len(recording[0].graph.events) == 6

        # And what was shown of one step says nothing about the next.
        writer.add(logistic_trace())
        peek.answer = replace(partial(1, 2), status=Status.COMPLETE)
        peek.wait_for_two_more()
        assert recording.refresh()
        assert len(recording) == 2
        assert len(recording[1].graph.events) == 2
    writer.close()


def test_a_recording_that_is_over_shows_nothing(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.close()
    assert not writer.show(partial(0, 2))


def test_a_failing_disk_shows_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no room")

    writer = RecordingWriter(path, environment={})
    monkeypatch.setattr(Sink, "commit", fail)
    assert not writer.show(partial(0, 2))
    writer.close()
    assert "no room" in str(writer.error)


def test_a_step_that_no_reader_takes_is_not_shown_and_the_older_one_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "MAX_BLOB_BYTES", 2000)
    small, big = partial(0, 2), partial(0, 3)
    wide = replace(
        big, observations=[Observation(np.zeros(999))] * len(big.graph.slots)
    )
    writer = RecordingWriter(path, environment={})
    assert writer.show(small)
    assert not writer.show(wide)
    writer.close()
    assert (writer.error, writer.dropped) == (None, 0)
    assert graph_rows(path) == [0]
    with open_recording(path) as recording:
        assert trace_bits(recording[0]) == trace_bits(small)


def test_a_slow_disk_is_not_waited_for_longer_than_that(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, original = Event(), Sink.write

    def wait(self: Sink, trace: Trace, *, is_draft: bool = False) -> bool:
        gate.wait()
        return original(self, trace, is_draft=is_draft)

    monkeypatch.setattr(Sink, "write", wait)
    writer = RecordingWriter(path, environment={})
    assert not writer.show(partial(0, 2), patience_s=0.01)
    assert not writer.show(partial(0, 3), patience_s=0.01)
    gate.set()
    assert writer.show(partial(0, 4))
    # A step that comes meanwhile is newer than what waits to be shown.
    gate.clear()
    assert not writer.show(partial(0, 5), patience_s=0.01)
    writer.add(logistic_trace())
    gate.set()
    writer.close()
    with open_recording(path) as recording:
        assert [trace_bits(t) for t in recording] == [trace_bits(logistic_trace())]


def test_drafts_keep_to_the_budget_and_take_no_step_with_them(path: Path) -> None:
    limit, most = 4 << 20, 0
    wide = Observation(np.arange(20_000.0))
    writer = RecordingWriter(path, environment={}, max_bytes=limit)
    log = path.with_name(path.name + "-wal")
    for step in range(60):
        for events in range(2, EVENTS):
            part = partial(step, events)
            seen = (*part.observations[:-1], wide)
            assert writer.show(replace(part, observations=seen))
            most = max(most, path.stat().st_size + log.stat().st_size)
        whole = logistic_trace()
        writer.add(
            replace(whole, step=step, observations=(*whole.observations[:-1], wide))
        )
    writer.close()
    # 60 × 15 drafts of 160 KB are 144 MB.
    assert most <= limit
    with open_recording(path) as recording:
        assert recording.damaged == ()
        assert len(recording) + recording.thinned == 60
        assert {0, 59} <= set(recording.numbers)
        assert all(trace.status is Status.COMPLETE for trace in recording)
    assert graph_rows(path) == [min(graph_rows(path))]


def test_another_process_reads_what_is_shown_while_it_is_replaced(path: Path) -> None:
    program = f"""
from dataclasses import replace
from tests.drafts import cut_short
from tests.samples import logistic_trace
parts = [cut_short(logistic_trace(), k) for k in range(1, {EVENTS})]
writer = RecordingWriter(path, environment={{}})
print("begun", flush=True)
for step in range(40):
    for part in parts:
        assert writer.show(replace(part, step=step))
    writer.add(replace(logistic_trace(), step=step))
writer.close()
assert writer.error is None, writer.error
"""
    process = start(program, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    kinds = set()
    with open_recording(path) as recording:
        while recording.status is Status.OPEN:
            is_alive = process.poll() is None
            recording.refresh()
            is_open = recording.status is Status.OPEN
            assert is_alive or not is_open, process.communicate()
            if not len(recording):
                continue
            trace = recording[-1]
            events = len(trace.graph.events)
            kinds.add(events)
            whole = partial(0, events) if events < EVENTS else logistic_trace()
            assert trace_bits(replace(trace, step=0)) == trace_bits(whole)
            assert recording.series("w_1", Role.VALUE)[:-1] == [0.5] * (
                len(recording) - 1
            )
            assert recording.damaged == ()
        assert len(recording) == 40
        assert [len(trace.graph.events) for trace in recording] == [EVENTS] * 40
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert len(kinds) > 1


def test_threads_that_read_while_another_looks_for_news_miss_no_step(
    path: Path,
) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    assert writer.show(partial(1, 1))
    problems: list[BaseException] = []
    is_over = Event()
    with open_recording(path) as recording:

        def read() -> None:
            try:
                while not is_over.is_set():
                    assert recording[1].step == 1
                    assert recording.losses()[1] is None
            except BaseException as problem:  # noqa: BLE001 - told below
                problems.append(problem)

        threads = [Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(150):
            assert writer.show(partial(1, 1 + number % 3))
            recording.refresh()
        is_over.set()
        for thread in threads:
            thread.join()
    writer.close()
    assert problems == []
