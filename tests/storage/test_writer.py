import errno
import os
import sqlite3
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from graphscope.errors import RecordingError
from graphscope.model.graph import Role
from graphscope.model.observation import Observation
from graphscope.model.trace import Status, Trace
from graphscope.storage import writer as writer_module
from graphscope.storage.file import FileRecording, open_recording
from graphscope.storage.sink import Sink
from graphscope.storage.writer import RecordingWriter
from tests.samples import FILE, SOURCE, logistic_trace, logistic_traces
from tests.storage.compare import trace_bits
from tests.storage.scripts import run, start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.gscope"


def record(path: Path, traces: list[Trace]) -> None:
    writer = RecordingWriter(path, environment={"python": "3.11"})
    for trace in traces:
        writer.add(trace)
    writer.close()
    assert writer.error is None


def refresh_until(recording: FileRecording, is_there: Callable[[], bool]) -> None:
    for _ in repeat(None, 200_000):
        if is_there():
            return
        recording.refresh()
    raise AssertionError("it never came")


def test_a_closed_recording_is_one_file(path: Path) -> None:
    record(path, logistic_traces(3))
    assert [entry.name for entry in path.parent.iterdir()] == ["run.gscope"]
    assert path.read_bytes()[18:20] == b"\x01\x01"  # no longer a WAL database
    with open_recording(path) as recording:
        assert (recording.status, recording.error) == (Status.COMPLETE, "")
        assert recording.environment == {"python": "3.11"}
        assert recording.sources == {FILE: SOURCE}


def test_equal_structure_is_stored_once(path: Path) -> None:
    record(path, logistic_traces(50))
    database = sqlite3.connect(path)
    counts = [
        database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for table in ("graph", "source", "step")
    ]
    largest = database.execute("SELECT max(length(body)) FROM step").fetchone()[0]
    database.close()
    assert counts == [1, 1, 50]
    # 33 slots: one status byte each, and 4 bytes where there is a number (8 for lr)
    assert largest < 33 * 5 + 4 + 20


def test_a_recording_is_readable_by_another_process_while_it_is_written(
    path: Path,
) -> None:
    writer = RecordingWriter(path, environment={})
    steps = logistic_traces(4)
    writer.add(steps[0])
    writer.add(steps[1])
    assert writer.flush()
    program = """
with open_recording(path) as recording:
    print(len(recording), recording.status, recording[1].loss(), flush=True)
    input()
    print(recording.refresh(), len(recording), recording.refresh(), flush=True)
    input()
    print(recording.refresh(), recording.status, len(recording), recording[3].loss())
"""
    reader = start(program, path)
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == f"2 open {steps[1].loss()}\n"
    writer.add(steps[2])
    writer.flush()
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "True 3 False\n"
    writer.add(steps[3])
    writer.close()
    assert [entry.name for entry in path.parent.iterdir()] == ["run.gscope"]
    out, _ = reader.communicate("\n", timeout=60)
    assert out == f"True complete 4 {steps[3].loss()}\n"


def test_steps_are_committed_by_themselves(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    with open_recording(path) as recording:
        refresh_until(recording, lambda: len(recording) == 1)
        statuses = [recording.status]
        writer.close()
        assert recording.refresh()
        statuses.append(recording.status)
        assert statuses == [Status.OPEN, Status.COMPLETE]


def test_what_was_flushed_survives_kill_9(path: Path) -> None:
    program = """
writer = RecordingWriter(path, environment={})
steps = logistic_traces(60)
for number, trace in enumerate(steps):
    writer.add(trace)
    if number % 7 == 0:
        writer.flush()
    print(number, flush=True)
input()
"""
    steps = [trace_bits(trace) for trace in logistic_traces(60)]
    for last_line in (0, 1, 8, 30, 45, 59):
        process = start(program, path)
        assert process.stdout is not None
        for number in range(last_line + 1):
            assert process.stdout.readline() == f"{number}\n"
        process.kill()
        process.communicate(timeout=60)
        with open_recording(path) as recording:
            flushed = last_line // 7 * 7 + 1
            assert flushed <= len(recording) <= 60
            found = [trace_bits(trace) for trace in recording]
            assert found == steps[: len(recording)]
            assert recording.status is Status.OPEN
            assert recording.damaged == ()
        for entry in path.parent.iterdir():
            entry.unlink()


def test_the_timer_alone_saves_steps_from_kill_9(path: Path) -> None:
    program = """
writer = RecordingWriter(path, environment={})
for trace in logistic_traces(3):
    writer.add(trace)
print("added", flush=True)
input()
"""
    process = start(program, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "added\n"
    with open_recording(path) as recording:
        refresh_until(recording, lambda: len(recording) == 3)
        process.kill()
        process.communicate(timeout=60)
        recording.refresh()
        assert len(recording) == 3


def test_a_program_that_ends_without_closing_leaves_a_readable_file(
    path: Path,
) -> None:
    program = """
writer = RecordingWriter(path, environment={})
writer.add(logistic_traces(1)[0])
writer.flush()
"""
    assert run(program, path) == []
    with open_recording(path) as recording:
        assert (len(recording), recording.status) == (1, Status.OPEN)


def test_a_forked_child_neither_writes_nor_closes_the_file(path: Path) -> None:
    program = """
import gc
steps = logistic_traces(4)
writer = RecordingWriter(path, environment={})
writer.add(steps[0])
writer.add(steps[1])
child = os.fork()
if not child:
    writer.add(steps[3])
    writer.flush()
    assert not writer.show(steps[3])
    writer.close()
    del writer
    gc.collect()
    sys.exit(0)
print(os.waitpid(child, 0)[1])
writer.add(steps[2])
writer.close()
print(writer.error)
"""
    assert run(program, path) == ["0", "None"]
    with open_recording(path) as recording:
        assert recording.status is Status.COMPLETE
        assert [trace.step for trace in recording] == [0, 1, 2]
        assert recording[2].loss() == logistic_traces(3)[2].loss()


def test_a_full_disk_ends_the_recording_and_not_the_program(path: Path) -> None:
    program = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
writer = RecordingWriter(path, environment={})
for trace in logistic_traces(400):
    writer.add(trace)
writer.flush()
print(type(writer.error).__name__)
print("The recording ended early: disk I/O error. In" in str(writer.error))
writer.add(trace)
print(writer.flush())
writer.close()
"""
    assert run(program, path) == ["RecordingError", "True", "False"]
    with open_recording(path) as recording:
        steps = [trace_bits(t) for t in logistic_traces(len(recording))]
        assert [trace_bits(trace) for trace in recording] == steps
        assert recording.status is Status.OPEN


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("method", ["write", "commit", "finish"])
def test_a_failing_write_is_kept_as_the_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int, method: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Sink, method, fail)
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    writer.flush()
    writer.add(logistic_trace())
    writer.close()
    assert isinstance(writer.error, RecordingError)
    assert os.strerror(code) in str(writer.error)
    assert str(path) in str(writer.error)
    with open_recording(path) as recording:
        assert recording.status is Status.OPEN


def test_a_slow_disk_costs_steps_and_never_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, original = Event(), Sink.write

    def wait(self: Sink, trace: Trace) -> bool:
        gate.wait()
        return original(self, trace)

    monkeypatch.setattr(Sink, "write", wait)
    monkeypatch.setattr(writer_module, "MAX_PENDING_BYTES", 20_000)
    monkeypatch.setattr(writer_module, "PATIENCE_S", 0.001)
    steps = logistic_traces(30)
    writer = RecordingWriter(path, environment={})
    for trace in steps:
        writer.add(trace)
    gate.set()
    writer.close()
    # 33 slots of 128 + 4 bytes each: four traces fit into 20,000 bytes, and one more
    # is in the hands of the writer's thread.
    assert writer.dropped >= 25
    with open_recording(path) as recording:
        assert recording.dropped == writer.dropped
        assert len(recording) == 30 - writer.dropped
        expected = [trace_bits(steps[t.step]) for t in recording]
        assert [trace_bits(trace) for trace in recording] == expected


def test_a_step_that_no_reader_takes_is_dropped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphscope.storage.sink.MAX_BLOB_BYTES", 1000)
    trace = logistic_trace()
    big = [Observation(np.zeros(999)) for _ in trace.observations]
    writer = RecordingWriter(path, environment={})
    writer.add(Trace(trace.graph, 0, big))
    writer.add(logistic_trace(1))
    writer.close()
    assert (writer.error, writer.dropped) == (None, 1)
    with open_recording(path) as recording:
        assert [found.step for found in recording] == [1]


def test_the_error_that_ended_the_run_is_kept(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    trace = logistic_trace()
    writer.add(
        Trace(
            trace.graph,
            0,
            trace.observations,
            status=Status.ABORTED,
            error="ValueError: \x1b[2J[/]",
        )
    )
    writer.close()
    with open_recording(path) as recording:
        assert recording.status is Status.ABORTED
        assert recording.error == "ValueError: \x1b[2J[/]"
        assert recording[0].status is Status.ABORTED


def test_a_step_that_cannot_be_encoded_ends_the_recording_after_the_ones_before(
    path: Path,
) -> None:
    first = logistic_trace()
    writer = RecordingWriter(path, environment={})
    writer.add(first)
    writer.add(Trace(first.graph, 1, first.observations[:-1]))
    writer.add(logistic_trace(2))
    writer.close()
    assert "The recording ended early" in str(writer.error)
    with open_recording(path) as recording:
        assert [trace_bits(trace) for trace in recording] == [trace_bits(first)]


def test_a_recording_opens_through_a_link_while_it_is_written(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    writer.flush()
    link = path.with_name("link")
    link.symlink_to(path)
    with open_recording(link) as recording:
        assert len(recording) == 1
    writer.close()


def test_series_grow_with_the_recording(path: Path) -> None:
    steps = logistic_traces(3)
    writer = RecordingWriter(path, environment={})
    writer.add(steps[0])
    writer.flush()
    with open_recording(path) as recording:
        assert recording.series("w_1", Role.VALUE) == [0.5]
        for trace in steps[1:]:
            writer.add(trace)
        writer.flush()
        assert recording.series("w_1", Role.VALUE) == [0.5]
        assert recording.refresh()
        # w_1 − 0.1 · ∂L/∂w_1 = 0.5 − 0.1 · (−0.4814) = 0.5481, in float32
        assert recording.series("w_1", Role.VALUE)[:2] == [0.5, 0.5481401085853577]
        assert len(recording.series("w_1", Role.VALUE)) == 3
        writer.close()


def test_closing_twice_and_adding_afterwards_do_nothing(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.close(error="KeyboardInterrupt")
    before = path.read_bytes()
    writer.add(logistic_trace())
    writer.close()
    assert path.read_bytes() == before
    with open_recording(path) as recording:
        assert (len(recording), recording.error) == (0, "KeyboardInterrupt")


def test_reading_needs_no_torch_and_no_screen(path: Path) -> None:
    record(path, logistic_traces(2))
    program = """
recording = open_recording(path)
recording.series("w_1", __import__("graphscope.model.graph").model.graph.Role.VALUE)
print(len(recording), {"torch", "textual", "networkx"} & set(sys.modules))
"""
    assert run(program, path) == ["2 set()"]


def test_many_readers_and_one_writer_agree(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    steps = logistic_traces(30)
    expected = [trace_bits(trace) for trace in steps]
    with open_recording(path) as first, open_recording(path) as second:
        for trace in steps:
            writer.add(trace)
            writer.flush()
            for recording in (first, second):
                recording.refresh()
                assert len(recording) == trace.step + 1
                assert trace_bits(recording[-1]) == expected[trace.step]
        writer.close()
        weights = [trace.value_of(1) for trace in steps]
        assert first.series("w_1", Role.VALUE) == [w and w.scalar for w in weights]
    assert [entry.name for entry in path.parent.iterdir()] == ["run.gscope"]


def test_a_recording_that_is_being_written_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.gscope"
    first = RecordingWriter(path, environment={})
    first.add(logistic_trace())
    with pytest.raises(RecordingError, match="Another process writes or reads"):
        RecordingWriter(path, environment={}, overwrite=True)
    first.close()
    assert first.error is None
    with open_recording(path) as recording:
        assert len(recording) == 1
