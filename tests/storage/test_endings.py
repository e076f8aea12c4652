"""How a recording tells that its run goes on, was killed, stopped, or failed."""

from dataclasses import replace
from pathlib import Path

import pytest

import graphscope as gs
from graphscope.model.trace import Status, Trace
from graphscope.storage.ending import Ending
from graphscope.storage.file import FileRecording, open_recording
from graphscope.storage.memory import MemoryRecording
from graphscope.storage.writer import RecordingWriter
from tests.drafts import cut_short
from tests.samples import logistic_trace
from tests.storage.compare import trace_bits
from tests.storage.scripts import start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.gscope"


def partial(step: int, events: int) -> Trace:
    return replace(cut_short(logistic_trace(), events), step=step)


def test_a_paused_process_is_read_at_once_and_killed_without_loss(path: Path) -> None:
    program = """
from dataclasses import replace
from tests.drafts import cut_short
from tests.samples import logistic_trace
writer = RecordingWriter(path, environment={})
writer.add(logistic_trace())
print(writer.show(replace(cut_short(logistic_trace(), 5), step=1)), flush=True)
input()
"""
    process = start(program, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    with open_recording(path) as recording:
        assert (recording.ending, recording.is_written) == (Ending.RUNNING, True)
        assert trace_bits(recording[-1]) == trace_bits(partial(1, 5))
        process.kill()
        process.communicate(timeout=60)
        assert recording.ending is Ending.KILLED
    with open_recording(path) as recording:
        assert trace_bits(recording[-1]) == trace_bits(partial(1, 5))
        assert recording.damaged == ()


def _ending(recording: FileRecording) -> tuple[Ending, str, Status]:
    return recording.ending, recording.error, recording.status


def test_a_run_that_was_stopped_says_why(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(replace(partial(0, 4), error="stopped: has_nan"))
    writer.close()
    with open_recording(path) as recording:
        assert _ending(recording) == (
            Ending.STOPPED,
            "stopped: has_nan",
            Status.ABORTED,
        )
        last = recording[-1]
        assert (last.status, last.error) == (Status.OPEN, "stopped: has_nan")


def test_a_note_at_the_end_tells_a_stop_from_a_failure(tmp_path: Path) -> None:
    endings = []
    for number, trace in enumerate(
        [
            partial(0, 4),
            replace(partial(0, 4), status=Status.ABORTED, error="ValueError: x"),
            None,
        ]
    ):
        path = tmp_path / f"{number}.gscope"
        writer = RecordingWriter(path, environment={})
        if trace is not None:
            writer.add(trace)
        writer.close(error="ValueError: x")
        with open_recording(path) as recording:
            assert recording.error == "ValueError: x"
            endings.append(recording.ending)
    assert endings == [Ending.STOPPED, Ending.FAILED, Ending.FAILED]


def test_a_stop_that_was_only_shown_is_the_end_of_the_recording(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    assert writer.show(replace(partial(1, 4), error="stopped: loss > 10"))
    writer.close()
    with open_recording(path) as recording:
        assert (recording.ending, recording.error) == (
            Ending.STOPPED,
            "stopped: loss > 10",
        )


def test_a_finished_run_says_so(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    assert writer.show(replace(partial(0, 4), error="stopped: x"))
    writer.add(logistic_trace())
    writer.close()
    with open_recording(path) as recording:
        assert _ending(recording) == (Ending.FINISHED, "", Status.COMPLETE)


def test_the_end_of_a_run_is_told_and_copied(tmp_path: Path) -> None:
    first, copy = tmp_path / "first.gscope", tmp_path / "copy.gscope"
    writer = RecordingWriter(first, environment={})
    writer.add(partial(0, 4))
    writer.close(error="stopped: has_nan")
    with gs.load(first) as loaded:
        assert loaded.error == "stopped: has_nan"
        loaded.save(copy)
    with gs.load(copy) as loaded, open_recording(copy) as recording:
        assert (loaded.error, recording.ending) == ("stopped: has_nan", Ending.STOPPED)
    in_memory = MemoryRecording([replace(partial(0, 4), error="stopped: x")])
    assert (in_memory.error, MemoryRecording([]).error) == ("stopped: x", "")
