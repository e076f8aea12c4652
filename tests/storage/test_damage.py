"""Random damage to real files: never a crash, a hang or a wrong number."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graphscope.errors import RecordingError
from graphscope.model.graph import Role
from graphscope.model.observation import Observation, summarize
from graphscope.model.trace import Trace
from graphscope.storage.file import open_recording
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces
from tests.storage.compare import loss_bits, trace_bits

Harm = Callable[[random.Random, bytearray], None]
STEPS = 24


def _flip(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 1, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def _span(rng: random.Random, data: bytearray) -> slice:
    start = rng.randrange(len(data))
    return slice(start, min(len(data), start + rng.choice((1, 16, 300, 4096))))


def _zero(rng: random.Random, data: bytearray) -> None:
    span = _span(rng, data)
    data[span] = bytes(len(data[span]))


def _garbage(rng: random.Random, data: bytearray) -> None:
    span = _span(rng, data)
    data[span] = rng.randbytes(len(data[span]))


def _duplicate(rng: random.Random, data: bytearray) -> None:
    page = 4096
    source, target = (rng.randrange(len(data) // page) * page for _ in range(2))
    data[target : target + page] = data[source : source + page]


def _insert(rng: random.Random, data: bytearray) -> None:
    span = _span(rng, data)
    data[span.start : span.start] = data[span]


HARMS: tuple[Harm, ...] = (_flip, _flip, _cut, _zero, _garbage, _duplicate, _insert)


def _steps() -> list[Trace]:
    """Steps of several pages each, so that damage hits every kind of page."""
    steps = []
    for trace in logistic_traces(STEPS):
        wide = Observation(np.arange(1500.0) * trace.step)
        stats = Observation(summary=summarize(np.arange(9.0) + trace.step))
        seen = [*trace.observations[:-2], wide, stats]
        steps.append(Trace(trace.graph, trace.step, seen, sources=trace.sources))
    return steps


@pytest.fixture(scope="module")
def expected() -> list[object]:
    return [trace_bits(trace) for trace in _steps()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a closed recording, and of a killed one with its log."""
    path = tmp_path_factory.mktemp("real") / "run.gscope"
    writer = RecordingWriter(path, environment={"python": "3"})
    for trace in _steps():
        writer.add(trace)
    writer.flush()
    wal = path.with_name("run.gscope-wal")
    found = {"killed": path.read_bytes(), "killed-wal": wal.read_bytes()}
    writer.close()
    return {"closed": path.read_bytes(), **found}


def _check_reads_only_the_truth(path: Path, expected: list[object]) -> int:
    """Read everything; return how many steps were found."""
    right = 0
    losses = [loss_bits(trace.loss()) for trace in _LOSSES]
    weights = [seen and seen.scalar for seen in (t.value_of(1) for t in _LOSSES)]
    try:
        recording = open_recording(path)
    except RecordingError:
        return 0
    with recording:
        damaged = recording.damaged
        for step, loss in enumerate(recording.losses()):
            assert loss is None or loss_bits(loss) == losses[step]
        for step, weight in enumerate(recording.series("w_1", Role.VALUE)):
            assert weight in (None, weights[step])
        for step in range(len(recording)):
            try:
                trace = recording[step]
            except RecordingError:
                assert step in damaged
                continue
            without_text = Trace(
                trace.graph, trace.step, trace.observations, sources=_LOSSES[0].sources
            )
            assert trace.sources in ({}, _LOSSES[0].sources)
            assert trace_bits(without_text) == expected[step]
            right += 1
    return right


_LOSSES = _steps()


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_recording_shows_the_truth_or_nothing(
    tmp_path: Path, files: dict[str, bytes], expected: list[object], seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - damage, not secrets
    found = 0
    for number in range(70):
        data = bytearray(files["closed"])
        rng.choice(HARMS)(rng, data)
        path = tmp_path / f"{number}.gscope"
        path.write_bytes(data)
        found += _check_reads_only_the_truth(path, expected)
        assert path.read_bytes() == data
        path.unlink()
        assert list(tmp_path.iterdir()) == []
    assert found > 70 * STEPS // 2  # most damage costs a step or two, not the file


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_log_shows_the_truth_or_nothing(
    tmp_path: Path, files: dict[str, bytes], expected: list[object], seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - damage, not secrets
    for number in range(40):
        parts = {"": "killed", "-wal": "killed-wal"}
        harmed = rng.choice(["", "-wal", "-wal", "-wal"])
        for suffix, part in parts.items():
            data = bytearray(files[part])
            if suffix == harmed:
                rng.choice(HARMS)(rng, data)
            (tmp_path / f"{number}.gscope{suffix}").write_bytes(data)
        _check_reads_only_the_truth(tmp_path / f"{number}.gscope", expected)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_cut_recording_keeps_the_steps_before_the_cut(
    tmp_path: Path, files: dict[str, bytes], expected: list[object], kept: float
) -> None:
    path = tmp_path / "cut.gscope"
    whole = files["closed"]
    path.write_bytes(whole[: int(len(whole) * kept)])
    # The numbers come in order, so what is before the cut is there but for the
    # pages (graph, tables) that all steps share.
    assert _check_reads_only_the_truth(path, expected) >= STEPS * (kept - 0.3)


def test_a_file_that_was_cut_to_its_first_page_is_called_damaged(
    tmp_path: Path,
) -> None:
    whole, cut = tmp_path / "whole.gscope", tmp_path / "cut.gscope"
    writer = RecordingWriter(whole, environment={})
    for trace in logistic_traces(5):
        writer.add(trace)
    writer.close()
    cut.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(RecordingError) as caught:
        open_recording(cut)
    assert str(caught.value).startswith("The recording is damaged: ")
