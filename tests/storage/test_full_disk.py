"""A disk that is full or fails ends the recording, never the training."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from graphscope.errors import RecordingError
from graphscope.model.trace import Status
from graphscope.storage import sink as sink_module
from graphscope.storage.file import open_recording
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces
from tests.storage.compare import trace_bits
from tests.storage.scripts import ROOT

TRAIN = """\
import hashlib, resource, sys
import graphscope as gs
from tests.storage.training import train

path, limit = sys.argv[1], int(sys.argv[2])
digest = hashlib.sha256()

def told(step):
    digest.update(step.loss + b"".join(step.weights))

if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if path:
    with gs.record(path):
        train(80, told)
else:
    train(80, told)
print(digest.hexdigest())
"""


def train(path: Path | str, limit: int = 0) -> tuple[str, str]:
    """Train in a process of its own; return a digest of the numbers, and stderr."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, str(path), str(limit)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def plain() -> str:
    """The digest of the training without graphscope."""
    return train("")[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = which("mount"), which("umount")
    if mount is None or umount is None:
        pytest.skip("there is no `mount` here")
    options = ["-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    made = subprocess.run(
        [mount, *options], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"a file system cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def check_stopped(path: Path, stderr: str) -> int:
    """Check what was told and what is left; return how many steps."""
    [line] = stderr.splitlines()
    assert line.startswith(
        f"graphscope: recording to {path} stopped early: The recording ended early: "
    )
    assert "The training goes on; make room" in line
    with open_recording(path) as recording:
        assert recording.status is Status.OPEN
        assert not recording.is_written
        assert recording.damaged == ()
        assert list(recording.numbers) == list(range(len(recording)))
        for trace in recording:
            assert trace.resolve("loss").shape == ()
        return len(recording)


def test_a_full_disk_stops_the_recording_and_not_the_training(
    small_disk: Path, plain: str
) -> None:
    path = small_disk / "run.gscope"
    digest, stderr = train(path)
    assert digest == plain
    assert 0 < check_stopped(path, stderr) < 80


@pytest.mark.parametrize("limit", [30_000, 100_000, 200_000])
def test_a_file_size_limit_stops_the_recording_and_not_the_training(
    tmp_path: Path, plain: str, limit: int
) -> None:
    path = tmp_path / "run.gscope"
    digest, stderr = train(path, limit)
    assert digest == plain
    assert check_stopped(path, stderr) < 80


class _FailingConnection:
    """A connection whose `fails_at`-th statement fails, and all later ones too."""

    def __init__(self, connection: sqlite3.Connection, fails_at: int) -> None:
        self._connection = connection
        self._left = fails_at
        self.code = 0

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        self._left -= 1
        if self._left <= 0:
            if self.code == errno.EIO:
                raise sqlite3.OperationalError("disk I/O error")
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(statement, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_every_write_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    steps = logistic_traces(12)
    expected = [trace_bits(trace) for trace in steps]
    kept: list[int] = []
    fails_at = 0
    is_complete = False
    while not is_complete:
        fails_at += 1
        reports: list[RecordingError] = []
        path = tmp_path / f"{fails_at}.gscope"
        writer = RecordingWriter(path, environment={}, starts=False)
        writer.report = reports.append
        with monkeypatch.context() as patch:
            _plant(patch, fails_at, code)
            writer.start()
            for trace in steps:
                writer.add(trace)
                if trace.step % 3 == 2:
                    writer.flush()
            writer.close()
        is_complete = writer.error is None
        assert reports == ([] if writer.error is None else [writer.error])
        with open_recording(path) as recording:
            assert [trace_bits(t) for t in recording] == expected[: len(recording)]
            assert recording.damaged == ()
            assert not recording.is_written
            kept.append(len(recording))
    assert fails_at > 20  # every statement of such a run had its turn
    assert kept == sorted(kept)  # a later failure never costs more
    assert kept[-1] == 12


def _plant(patch: pytest.MonkeyPatch, fails_at: int, code: int) -> None:
    connect = sqlite3.connect

    def failing(*arguments: Any, **options: Any) -> _FailingConnection:
        made = _FailingConnection(connect(*arguments, **options), fails_at)
        made.code = code
        return made

    fake = type(sys)("sqlite3")
    fake.__dict__.update(sqlite3.__dict__)
    fake.connect = failing  # type: ignore[attr-defined]
    patch.setattr(sink_module, "sqlite3", fake)
