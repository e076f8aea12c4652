"""The last step of a recording that is written changes in its place: a paused step."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from graphscope.model.trace import Status, Trace
from graphscope.storage.file import FileRecording, open_recording
from graphscope.storage.writer import RecordingWriter
from graphscope.tui.feed import Feed
from tests.drafts import cut_short
from tests.samples import logistic_trace, logistic_traces
from tests.storage.scripts import start
from tests.tui.screens import ListRecording


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordingWriter]:
    made = RecordingWriter(tmp_path / "run.gscope", environment={})
    yield made
    made.close()


@pytest.fixture
def recording(writer: RecordingWriter) -> Iterator[FileRecording]:
    with open_recording(writer.path) as found:
        yield found


def partial(step: int, events: int) -> Trace:
    return replace(cut_short(logistic_trace(), events), step=step)


def test_a_paused_step_is_read_anew_at_each_event_and_the_others_are_kept(
    writer: RecordingWriter, recording: FileRecording
) -> None:
    feed = Feed(recording)
    for trace in logistic_traces(3):
        writer.add(trace)
    assert writer.show(partial(3, 1))
    assert feed.refresh()
    before = [feed.trace(step) for step in range(3)]
    seen = []
    for events in (2, 5, 9):
        assert writer.show(partial(3, events))
        seen.append((feed.refresh(), feed.steps, len(feed.trace(3).graph.events)))
        assert not feed.refresh()
        assert feed.trace(3) is feed.trace(3)

    assert seen == [(True, 4, 2), (True, 4, 5), (True, 4, 9)]
    assert all(feed.trace(step) is before[step] for step in range(3))


def test_the_finished_step_takes_the_place_of_the_paused_one(
    writer: RecordingWriter, recording: FileRecording
) -> None:
    feed = Feed(recording)
    writer.add(logistic_trace())
    assert writer.show(partial(1, 4))
    assert feed.refresh()
    statuses = [feed.trace(1).status]
    writer.add(replace(logistic_trace(), step=1))
    writer.flush()
    changes = [feed.refresh()]
    statuses.append(feed.trace(1).status)
    writer.close()
    changes.append(feed.refresh())

    assert statuses == [Status.OPEN, Status.COMPLETE]
    assert changes == [True, True]  # at last, that the run is over
    assert list(feed.numbers) == [0, 1]
    assert feed.losses() == [logistic_trace().loss()] * 2


def test_a_step_that_another_process_pauses_in_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "run.gscope"
    program = """
from dataclasses import replace
from tests.drafts import cut_short
from tests.samples import logistic_trace
writer = RecordingWriter(path, environment={})
for line in sys.stdin:
    step, events = map(int, line.split())
    if events:
        assert writer.show(replace(cut_short(logistic_trace(), events), step=step))
    else:
        writer.add(replace(logistic_trace(), step=step))
        assert writer.flush()
    print("done", flush=True)
writer.close()
"""
    process = start(program, path)
    assert process.stdin is not None
    assert process.stdout is not None
    count = len(logistic_trace().graph.events)
    feed: Feed | None = None
    for step in range(3):
        for events in (1, 7, 8, 0):
            process.stdin.write(f"{step} {events}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
            if feed is None:
                feed = Feed(open_recording(path))
            else:
                assert feed.refresh()
            assert feed.steps == step + 1
            assert len(feed.trace(step).graph.events) == (events or count)
            assert not feed.refresh()
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")


def test_what_a_thread_was_still_reading_is_not_kept_when_it_has_changed() -> None:
    is_reading, may_end = Event(), Event()

    class Slow(ListRecording):
        """Hands out the old step late, and has a new one by then."""

        def __getitem__(self, step: int) -> Trace:
            found = super().__getitem__(step)
            if not may_end.is_set():
                is_reading.set()
                assert may_end.wait(60)
            return found

        def refresh(self) -> bool:
            self.traces = [partial(0, 5)]
            return True

    feed = Feed(Slow([partial(0, 2)]))
    late: list[Trace] = []
    thread = Thread(target=lambda: late.append(feed.trace(0)))
    thread.start()
    assert is_reading.wait(60)
    feed.refresh()
    may_end.set()
    thread.join()

    assert len(late[0].graph.events) == 2
    assert len(feed.trace(0).graph.events) == 5
