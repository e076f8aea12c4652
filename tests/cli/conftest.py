"""A recording made without torch, and two ways to run the command."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from graphscope.cli.main import run
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Five steps of the logistic example, in the folder where commands run."""
    path = tmp_path / "run.gscope"
    writer = RecordingWriter(path, environment={"script": "logistic.py"})
    for trace in logistic_traces(5):
        writer.add(trace)
    writer.close()
    return path


@pytest.fixture
def graphscope(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run `graphscope …` in `tmp_path`, inside of this process: quick."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
        with pytest.raises(SystemExit) as end:
            run(arguments)
        written = capsys.readouterr()
        code = end.value.code or 0
        assert isinstance(code, int)
        return subprocess.CompletedProcess(arguments, code, written.out, written.err)

    return invoke


@pytest.fixture
def process(tmp_path: Path) -> Run:
    """Run `graphscope …` in `tmp_path` as a process of its own, without a terminal."""

    def start(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "graphscope", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return start
