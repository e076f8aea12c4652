import shutil
from pathlib import Path

import pytest

from graphscope.errors import RecordingError
from graphscope.model.trace import Trace
from graphscope.storage.file import open_recording
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_trace, logistic_traces


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.gscope"


def record(path: Path, traces: list[Trace]) -> None:
    writer = RecordingWriter(path, environment={"python": "3.11"})
    for trace in traces:
        writer.add(trace)
    writer.close()
    assert writer.error is None


def test_an_existing_file_is_left_alone(path: Path) -> None:
    path.write_text("my thesis")
    for overwrite in (False, True):
        with pytest.raises(RecordingError, match="Choose another -o"):
            RecordingWriter(path, environment={}, overwrite=overwrite)
    assert path.read_text() == "my thesis"
    assert [entry.name for entry in path.parent.iterdir()] == ["run.gscope"]


def test_a_recording_is_replaced_only_when_asked(path: Path) -> None:
    record(path, logistic_traces(3))
    before = path.read_bytes()
    with pytest.raises(RecordingError) as refused:
        RecordingWriter(path, environment={})
    assert str(refused.value) == (
        f"A file exists already: '{path}'."
        " Choose another -o, or ask for overwriting (overwrite=True)."
    )
    assert path.read_bytes() == before
    with open_recording(path) as recording:
        assert len(recording) == 3
        RecordingWriter(path, environment={}, overwrite=True).close()
        assert recording.refresh()
        assert len(recording) == 0


def test_a_recording_that_is_being_written_is_not_replaced(path: Path) -> None:
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_trace())
    writer.flush()
    with pytest.raises(RecordingError, match="Another process writes"):
        RecordingWriter(path, environment={}, overwrite=True)
    writer.close()
    with open_recording(path) as recording:
        assert len(recording) == 1


def test_the_rest_of_a_killed_recording_never_leaks_into_a_new_one(
    path: Path, tmp_path: Path
) -> None:
    writer = RecordingWriter(tmp_path / "old.gscope", environment={})
    writer.add(logistic_trace())
    writer.flush()
    shutil.copy(tmp_path / "old.gscope", path)
    shutil.copy(tmp_path / "old.gscope-wal", tmp_path / "run.gscope-wal")
    writer.close()
    with open_recording(path) as recording:
        assert len(recording) == 1
    with pytest.raises(RecordingError, match="exists already"):
        RecordingWriter(path, environment={})
    RecordingWriter(path, environment={}, overwrite=True).close()
    with open_recording(path) as recording:
        assert len(recording) == 0
    path.unlink()
    (tmp_path / "run.gscope-wal").write_bytes(b"left over")
    with pytest.raises(RecordingError, match="earlier recording is in the way"):
        RecordingWriter(path, environment={})


@pytest.mark.parametrize(
    "name", ["no/such/folder.gscope", "file/below.gscope", "nul\x00.gscope", "."]
)
def test_a_place_that_cannot_be_written_is_one_message(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RecordingError, match="Choose another -o"):
        RecordingWriter(tmp_path / name, environment={}, overwrite=name == ".")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
