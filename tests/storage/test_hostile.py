"""Files that somebody made to harm: refused in one sentence, or read as data."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from graphscope.errors import RecordingError, StepRangeError
from graphscope.model.graph import Graph, Role, Scope, Value, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from graphscope.storage.file import open_recording
from graphscope.storage.schema import TABLES, encode_json, seal
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces
from tests.storage.compare import trace_bits
from tests.storage.scripts import run

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n)"
    " SELECT i AS id, x'00' AS head, x'00' AS body FROM n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run.gscope"
    writer = RecordingWriter(path, environment={})
    for trace in logistic_traces(3):
        writer.add(trace)
    writer.close()
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def put(path: Path, table: str, row: int, body: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        statement = f"UPDATE {table} SET body = ? WHERE id = ?"  # noqa: S608
        database.execute(statement, (body, row))


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {
        entry.name: entry.read_bytes() if entry.is_file() else b""
        for entry in folder.iterdir()
    }


def refusal(path: Path) -> str:
    before = _snapshot(path.parent)
    with pytest.raises(RecordingError) as refused:
        open_recording(path)
    assert "\n" not in str(refused.value)
    assert _snapshot(path.parent) == before
    return str(refused.value)


@pytest.mark.parametrize(
    "statements",
    [
        ("DROP TABLE step", f"CREATE VIEW step AS {ENDLESS}"),
        ("CREATE TRIGGER t AFTER INSERT ON step BEGIN DELETE FROM step; END",),
        (
            "DROP TABLE step",
            """CREATE TABLE step(id INTEGER PRIMARY KEY, head BLOB NOT NULL,
            body BLOB AS (zeroblob(900000000)))""",
        ),
        (
            "DROP TABLE meta",
            """CREATE TABLE meta(id INTEGER PRIMARY KEY, body BLOB NOT NULL
            DEFAULT (randomblob(900000000)))""",
        ),
        ("ALTER TABLE step ADD COLUMN more BLOB DEFAULT 'x'",),
        ("CREATE INDEX i ON step(head)",),
        ("CREATE TABLE more(id)",),
        ("CREATE VIRTUAL TABLE words USING fts5(body)",),
        ("DROP TABLE graph",),
        ("ALTER TABLE graph RENAME TO Graph2", TABLES["graph"].upper()),
        ("DROP TABLE source", "CREATE TABLE source(id TEXT, body BLOB NOT NULL)"),
    ],
    ids=lambda statements: statements[-1][:40],
)
def test_a_schema_that_is_not_ours_to_the_letter_is_refused(
    path: Path, statements: tuple[str, ...]
) -> None:
    change(path, *statements)
    assert refusal(path) == (
        "This is not a graphscope recording: its tables are not the ones of a"
        f" recording. At '{path}'."
        " Choose a .gscope file that `graphscope record` made."
    )


def test_a_newer_schema_is_refused_with_what_to_do(path: Path) -> None:
    change(path, "PRAGMA user_version=7")
    assert refusal(path) == (
        "A newer graphscope wrote this recording: it has version 7, and this one reads"
        f" up to 1. At '{path}'. Upgrade: pip install --upgrade graphscope-torch."
    )


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_never_was_is_refused(path: Path, version: int) -> None:
    change(path, f"PRAGMA user_version={version}")
    assert f"it has version {version}." in refusal(path)


def test_another_programs_database_is_refused(path: Path) -> None:
    change(path, "PRAGMA application_id=1")
    assert "it is another program's SQLite database" in refusal(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has only 0 bytes"),
        (b"SQLite format 3\x00", "it has only 16 bytes"),
        (b"import torch\n" * 100, "it is no SQLite database"),
        (b"\x00" * 4096, "it is no SQLite database"),
        (b"SQLite format 3\x00" + b"\xff" * 4096, "it is no SQLite database"),
    ],
)
def test_a_file_that_is_something_else_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "other.gscope"
    path.write_bytes(content)
    assert refusal(path).startswith(f"This is not a graphscope recording: {reason}.")


def test_a_directory_a_pipe_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "it is a directory or device" in refusal(tmp_path)
    assert "it is a directory or device" in refusal(tmp_path / "pipe")
    assert refusal(tmp_path / "none.gscope") == (
        "The recording cannot be opened: No such file or directory. At"
        f" '{tmp_path}/none.gscope'. Check the path; `graphscope record` makes one."
    )
    assert "null byte" in refusal(tmp_path / "a\x00b.gscope")
    assert "File name too long" in refusal(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE step SET head = 'text' WHERE id = 1",
        "UPDATE step SET head = 7 WHERE id = 1",
        "UPDATE step SET head = 1.5 WHERE id = 1",
        "UPDATE step SET head = x'' WHERE id = 1",
        "UPDATE step SET head = zeroblob(1000000) WHERE id = 1",
        "UPDATE step SET head = (SELECT head FROM step WHERE id = 0) WHERE id = 1",
        "UPDATE step SET body = 'text' WHERE id = 1",
        "UPDATE step SET body = x'00' WHERE id = 1",
        "UPDATE step SET body = body || x'00' WHERE id = 1",
        "UPDATE step SET body = (SELECT body FROM step WHERE id = 0) WHERE id = 1",
        "DELETE FROM step WHERE id = 1",
    ],
)
def test_a_step_of_the_wrong_kind_is_lost_and_the_others_are_not(
    path: Path, statement: str
) -> None:
    change(path, statement)
    steps = [trace_bits(trace) for trace in logistic_traces(3)]
    with open_recording(path) as recording:
        assert len(recording) == 3
        assert trace_bits(recording[0]) == steps[0]
        with pytest.raises(RecordingError, match="step 1 is lost"):
            recording[1]
        assert trace_bits(recording[2]) == steps[2]
        assert recording.damaged == (1,)
        until_then: list[int] = []
        with pytest.raises(RecordingError, match="step 1 is lost"):
            until_then.extend(trace.step for trace in recording)
        assert until_then == [0]
        losses = recording.losses()
        assert losses[0] is not None
        assert recording.series("w_1", Role.VALUE)[1] is None


@pytest.mark.parametrize("column", ["head", "body"])
def test_a_blob_over_the_limit_is_never_loaded(
    path: Path, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    monkeypatch.setattr("graphscope.storage.connect.MAX_BLOB_BYTES", 50_000)
    change(path, f"UPDATE step SET {column} = zeroblob(50001) WHERE id = 1")  # noqa: S608
    with open_recording(path) as recording:
        assert recording.damaged == (1,)


def test_rows_that_no_writer_makes_are_not_steps(path: Path) -> None:
    for row in (-5, 2**62):
        change(path, f"INSERT INTO step VALUES ({row}, x'00', x'00')")  # noqa: S608
    with open_recording(path) as recording:
        assert len(recording) == 3
        assert recording.damaged == ()


def test_a_summary_with_too_many_steps_is_refused(path: Path) -> None:
    body = encode_json({"steps": 2**40, "dropped": 0, "error": ""})
    put(path, "meta", 2, seal("meta", 2, body))
    assert "it claims 1099511627776 steps" in refusal(path)


@pytest.mark.parametrize(
    "summary", [[], {"steps": "3"}, {"steps": -1, "dropped": 0, "error": ""}, None]
)
def test_a_summary_that_is_none_counts_as_not_closed(
    path: Path, summary: object
) -> None:
    put(path, "meta", 2, seal("meta", 2, encode_json(summary)))
    put(path, "meta", 1, seal("meta", 1, encode_json(summary)))
    with open_recording(path) as recording:
        assert (recording.status.value, len(recording)) == ("open", 3)
        assert "steps" not in recording.environment or summary == {"steps": "3"}


def test_names_full_of_escape_sequences_are_kept_as_data(tmp_path: Path) -> None:
    names = (
        "\x1b]52;c;ZXZpbA==\x07",
        "[@click=app.quit]x[/]",
        '"><script>',
        "a\x00b",
        "\u202egnp",
        "../../etc/passwd",
        "'); DROP TABLE step; --",
    )
    values = tuple(
        Value(i, ValueKind.INPUT, name, None, (), "float32")
        for i, name in enumerate(names)
    )
    graph = Graph(values=values, scopes=tuple(Scope(name, name) for name in names))
    trace = Trace(graph, sources={name: name for name in names}, error=names[0])
    path = tmp_path / "names.gscope"
    writer = RecordingWriter(path, environment={name: name for name in names})
    writer.add(trace)
    writer.close()
    with open_recording(path) as recording:
        assert trace_bits(recording[0]) == trace_bits(trace)
        assert recording.sources == recording.environment == {n: n for n in names}
        assert tuple(recording[0].graph.names) == names
    assert [entry.name for entry in tmp_path.iterdir()] == ["names.gscope"]


@pytest.mark.parametrize("step", [3, -4, 10**30])
def test_a_step_out_of_range_says_which_there_are(path: Path, step: int) -> None:
    with open_recording(path) as recording, pytest.raises(StepRangeError) as refused:
        recording[step]
    assert str(refused.value) == (
        f"There is no step {step}: 3 recorded, 0 to 2. In '{path}'."
        " Choose one of these; −1 is the last."
    )


def test_reading_that_does_not_come_to_an_end_is_stopped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphscope.storage.connect._DEADLINE_S", -1e9)
    monkeypatch.setattr("graphscope.storage.connect._CHECK_EVERY", 1)
    assert "reading it did not come to an end" in refusal(path)


def test_a_file_that_disappears_is_one_message(path: Path) -> None:
    with open_recording(path) as recording:
        path.unlink()
        for ask in (recording.refresh, lambda: recording[0]):
            with pytest.raises(RecordingError, match="No such file"):
                ask()


def _cut_wal(path: Path) -> None:
    wal = path.with_name(path.name + "-wal")
    os.truncate(wal, wal.stat().st_size // 2 + 7)


def _garble_wal(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"\xff" * 5000)


def _empty_wal(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"")


@pytest.mark.parametrize("harm", [_cut_wal, _garble_wal, _empty_wal])
def test_a_damaged_log_of_a_killed_recording_costs_its_steps_only(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    writer = RecordingWriter(tmp_path / "live.gscope", environment={"a": "b"})
    steps = [trace_bits(trace) for trace in logistic_traces(20)]
    for trace in logistic_traces(20):
        writer.add(trace)
        writer.flush()
    path = tmp_path / "copy.gscope"
    for suffix in ("", "-wal"):
        source = tmp_path / f"live.gscope{suffix}"
        (tmp_path / f"copy.gscope{suffix}").write_bytes(source.read_bytes())
    writer.close()
    before = path.read_bytes()
    harm(path)
    with open_recording(path) as recording:
        assert recording.environment == {"a": "b"}
        assert [trace_bits(t) for t in recording] == steps[: len(recording)]
        assert len(recording) < 20
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_no_obstacle_or_one_message(
    path: Path, tmp_path: Path
) -> None:
    program = """
import shutil, tempfile
folder = Path(tempfile.mkdtemp())
closed = folder / "closed.gscope"
shutil.copy(path, closed)
writer = RecordingWriter(folder / "live.gscope", environment={})
writer.add(logistic_traces(1)[0])
writer.flush()
for suffix in ("", "-wal"):
    shutil.copy(folder / f"live.gscope{suffix}", folder / f"killed.gscope{suffix}")
writer.close()
os.chmod(folder, 0o555)
for entry in folder.iterdir():
    os.chmod(entry, 0o444)
child = os.fork()
if not child:
    if os.getuid() == 0:
        os.setuid(65534)
    with open_recording(closed) as recording:
        print(len(recording), recording.status)
    try:
        print(len(open_recording(folder / "killed.gscope")))
    except Exception as error:
        print(str(error).replace(str(folder), ""))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
os.chmod(folder, 0o755)
print(sorted(os.listdir(folder)))
shutil.rmtree(folder)
"""
    assert run(program, path) == [
        "3 complete",
        (
            "The recording cannot be opened: unable to open database file. At"
            " '/killed.gscope', which was not closed. Copy it and its -wal file to a"
            " folder that can be written, and open it there."
        ),
        "['closed.gscope', 'killed.gscope', 'killed.gscope-wal', 'live.gscope']",
    ]
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.gscope"]


def test_data_that_was_read_cannot_be_changed_by_accident(path: Path) -> None:
    with open_recording(path) as recording:
        seen = recording[0].value_of(4)
        assert isinstance(seen, Observation)
        assert seen.data is not None
        with pytest.raises(ValueError, match="read-only"):
            seen.data[0] = np.float32(0)
