"""Files that stay within their budget, and say what is missing."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphscope.model.graph import Gap, Graph, Role, Scope
from graphscope.model.observation import Observation, Stats, summarize
from graphscope.model.trace import Status, Trace
from graphscope.storage.encode import encode_body
from graphscope.storage.file import open_recording
from graphscope.storage.findings import has_finding
from graphscope.storage.layout import SlotTable
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_trace, logistic_traces
from tests.storage.compare import trace_bits

MIB = 1 << 20
BASE = logistic_trace()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.gscope"


def wide_trace(step: int, elements: int = 1000) -> Trace:
    """Return a step of about 8 bytes for each of `elements`."""
    seen = list(BASE.observations)
    seen[-2] = Observation(np.full(elements, float(step)))
    return Trace(BASE.graph, step, tuple(seen), sources=BASE.sources)


def record(
    path: Path,
    steps: range,
    max_bytes: int,
    make: Callable[[int], Trace] = wide_trace,
) -> int:
    """Record steps; return the most bytes that file and log ever took together."""
    most = 0
    writer = RecordingWriter(path, environment={}, max_bytes=max_bytes)
    for step in steps:
        writer.add(make(step))
        if step % 10 == 0:
            writer.flush()
            most = max(most, size_of(path))
    writer.close()
    assert (writer.error, writer.dropped) == (None, 0)
    return max(most, size_of(path))


def size_of(path: Path) -> int:
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def test_a_recording_below_its_budget_misses_nothing(path: Path) -> None:
    record(path, range(50), 2 * MIB)
    with open_recording(path) as recording:
        assert list(recording.numbers) == list(range(50))
        assert (recording.missing, recording.thinned) == ((), 0)


def test_a_recording_stays_within_its_budget_and_says_what_is_missing(
    path: Path,
) -> None:
    # 2,000 steps of about 8.2 KB are 16 MB.
    most = record(path, range(2000), 6 * MIB)
    assert most <= 6 * MIB
    with open_recording(path) as recording:
        numbers = list(recording.numbers)
        assert numbers[0] == 0
        assert numbers[-1] == 1999
        assert 300 < len(recording) < 730
        assert recording.thinned == 2000 - len(recording)
        gone = [number for run in recording.missing for number in run]
        assert sorted([*gone, *numbers]) == list(range(2000))
        assert [trace.step for trace in recording] == numbers
        assert recording.damaged == ()
        assert recording.status is Status.COMPLETE
        for position in (0, len(numbers) // 2, -1):
            expected = trace_bits(wide_trace(numbers[position]))
            assert trace_bits(recording[position]) == expected
        assert len(recording.losses()) == len(recording.series("z", Role.VALUE))
        # Of the older half every 4th or 8th step, of the newest every one.
        assert all(number % 4 == 0 for number in numbers if number < 1000)
        assert numbers[-50:] == list(range(1950, 2000))


@pytest.mark.parametrize("max_bytes", [1, 1000, 20_000])
def test_a_budget_below_two_steps_leaves_the_first_and_the_last(
    path: Path, max_bytes: int
) -> None:
    record(path, range(30), max_bytes)
    with open_recording(path) as recording:
        assert list(recording.numbers) == [0, 29]
        assert trace_bits(recording[1]) == trace_bits(wide_trace(29))


def test_steps_with_findings_stay(path: Path) -> None:
    def make(step: int) -> Trace:
        trace = wide_trace(step)
        if step == 101:
            return replace(trace, status=Status.ABORTED, error="ValueError: x")
        if step == 203:
            seen = [*trace.observations[:-2], Observation(np.array([1.0, np.nan]))]
            return replace(trace, observations=(*seen, trace.observations[-1]))
        return trace

    record(path, range(600), MIB, make)
    with open_recording(path) as recording:
        assert {0, 101, 203, 599} <= set(recording.numbers)
        assert recording.thinned > 400


def test_structures_that_no_kept_step_has_leave_the_file(path: Path) -> None:
    def make(step: int) -> Trace:
        scopes = tuple(Scope(f"layer{i}", f"Net{step}") for i in range(200))
        return Trace(replace(BASE.graph, scopes=scopes), step, BASE.observations)

    # A graph takes about 20 KB: 500 of them 10 MB.
    most = record(path, range(500), 4 * MIB, make)
    assert most <= 4 * MIB
    with open_recording(path) as recording:
        assert recording.damaged == ()
        for trace in recording:
            assert trace.graph.scopes[0] == Scope("layer0", f"Net{trace.step}")


def test_a_reader_of_a_file_that_is_thinned_sees_steps_go_and_come(path: Path) -> None:
    writer = RecordingWriter(path, environment={}, max_bytes=MIB)
    with open_recording(path) as recording:
        for step in range(400):
            writer.add(wide_trace(step))
            if step % 25 == 0:
                writer.flush()
                recording.refresh()
                assert recording.numbers[-1] == step
                assert recording.damaged == ()
                shown = recording.series("w_1", Role.VALUE)
                assert len(shown) == len(recording)
                for position in (0, len(recording) // 2, -1):
                    trace = recording[position]
                    assert trace.step == recording.numbers[position]
                    assert trace_bits(trace) == trace_bits(wide_trace(trace.step))
        assert recording.thinned > 100
        assert recording.is_written
        writer.close()
        recording.refresh()
        assert recording.status is Status.COMPLETE
        assert not recording.is_written


def test_a_step_that_is_thinned_before_it_is_read_says_so(path: Path) -> None:
    writer = RecordingWriter(path, environment={}, max_bytes=MIB)
    for step in range(20):
        writer.add(wide_trace(step))
    writer.flush()
    with open_recording(path) as recording:
        for step in range(20, 400):
            writer.add(wide_trace(step))
        writer.flush()
        with pytest.raises(Exception, match="Step 1 was thinned away just now"):
            recording[1]
    writer.close()


def test_a_thinned_recording_survives_that_its_notes_are_lost(path: Path) -> None:
    record(path, range(400), MIB)
    with open_recording(path) as recording:
        numbers = list(recording.numbers)
    import sqlite3

    database = sqlite3.connect(path)
    database.execute("DELETE FROM meta WHERE id >= 16")
    database.commit()
    database.close()
    with open_recording(path) as recording:
        # Then nobody knows that they were thinned: they count as damaged.
        assert len(recording) == 400
        whole = [i for i in range(400) if i not in recording.damaged]
        assert whole == numbers


def _scan(trace: Trace) -> bool:
    table = SlotTable(trace.graph.slots)
    body = encode_body(table, trace.observations, [7])
    return has_finding(trace, table, body)


def _with(slot: int, seen: Observation | None) -> Trace:
    observations = list(BASE.observations)
    observations[slot] = seen
    return replace(BASE, observations=tuple(observations))


NAN = np.array([np.nan], np.float32)


def _stats(nans: int, infs: int) -> Stats:
    return replace(summarize(np.arange(3.0)), nans=nans, infs=infs)


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        (BASE, False),
        (logistic_traces(3)[2], False),
        (replace(BASE, status=Status.ABORTED), True),
        (replace(BASE, graph=replace(BASE.graph, gaps=(Gap(None, "jit"),))), True),
        (_with(0, Observation(NAN)), True),
        (_with(20, Observation(-np.inf * np.ones(1, np.float32))), True),
        (_with(5, Observation(summary=_stats(0, 0))), False),
        (_with(5, Observation(summary=_stats(1, 0))), True),
        (_with(6, Observation(summary=_stats(0, 2))), True),
        (_with(7, Observation(np.array([[1.0, np.nan]]))), True),
        (_with(7, Observation(np.array([[1, 2]]))), False),
        (_with(7, Observation(NAN.astype(np.complex64))), True),
        (_with(7, Observation()), False),
        (_with(7, None), False),
        (Trace(Graph()), False),
    ],
)
def test_a_finding_is_an_exception_a_gap_a_nan_or_an_inf(
    trace: Trace, *, expected: bool
) -> None:
    assert _scan(trace) is expected


def test_the_process_that_writes_is_told_from_one_that_was_killed(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(wide_trace(0))
    writer.flush()
    child = os.fork()
    if not child:
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with open_recording(path) as recording:
        assert recording.is_written
        writer.close()
        recording.refresh()
        assert not recording.is_written
