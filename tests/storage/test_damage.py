"""Random damage to real files: never a crash, a hang or a wrong number."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from graphscope.errors import RecordingError
from graphscope.storage.file import open_recording
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces
from tests.storage.mutations import (
    STEPS,
    THINNED_STEPS,
    Files,
    Truth,
    check_shows_the_truth,
    find_truth,
    make_files,
    make_steps,
    mutate,
    run,
)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return find_truth(make_steps(THINNED_STEPS))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """The bytes of a closed, a thinned and a killed recording."""
    return make_files(tmp_path_factory.mktemp("real"))


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_recording_shows_the_truth_or_nothing(
    tmp_path: Path, files: dict[str, Files], truth: Truth, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - damage, not secrets
    found = 0
    for number in range(70):
        data = mutate(rng, files["closed"])[""]
        path = tmp_path / f"{number}.gscope"
        path.write_bytes(data)
        found += check_shows_the_truth(path, truth)
        assert path.read_bytes() == data
        path.unlink()
        assert list(tmp_path.iterdir()) == []
    assert found > 70 * STEPS // 2  # most damage costs a step or two, not the file


@pytest.mark.parametrize("kind", ["killed", "thinned"])
def test_a_damaged_log_and_a_thinned_file_show_the_truth_or_nothing(
    tmp_path: Path, files: dict[str, Files], truth: Truth, kind: str
) -> None:
    rng = random.Random(kind)  # noqa: S311 - damage, not secrets
    for number in range(80):
        for suffix, data in mutate(rng, files[kind]).items():
            (tmp_path / f"{number}.gscope{suffix}").write_bytes(data)
        check_shows_the_truth(tmp_path / f"{number}.gscope", truth)


def test_a_watched_process_neither_crashes_nor_hangs() -> None:
    tally = run(90, seed=7)
    assert tally.failures == []
    assert tally.steps_read["closed"] > tally.steps_there["closed"] // 2


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_cut_recording_keeps_the_steps_before_the_cut(
    tmp_path: Path, files: dict[str, Files], truth: Truth, kept: float
) -> None:
    path = tmp_path / "cut.gscope"
    whole = files["closed"][""]
    path.write_bytes(whole[: int(len(whole) * kept)])
    # The numbers come in order, so what is before the cut is there but for the
    # pages (graph, tables) that all steps share.
    assert check_shows_the_truth(path, truth) >= STEPS * (kept - 0.3)


def test_the_loss_of_a_graph_costs_nothing(
    tmp_path: Path, files: dict[str, Files], truth: Truth
) -> None:
    path = tmp_path / "run.gscope"
    path.write_bytes(files["closed"][""])
    _change(path, "UPDATE graph SET body = zeroblob(100)")
    assert check_shows_the_truth(path, truth) == STEPS
    _change(path, "UPDATE meta SET body = zeroblob(100) WHERE id = -1")
    assert check_shows_the_truth(path, truth) == 0


def _change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)


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
