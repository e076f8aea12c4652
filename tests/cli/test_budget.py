"""`--max-bytes`, and what the commands say about steps that are missing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.storage.file import open_recording
from graphscope.storage.writer import RecordingWriter
from tests.cli.conftest import ROOT, Run
from tests.samples import logistic_traces

TRAIN = """\
import torch

w = torch.zeros(200, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(60):
    loss = ((w - 3) ** 2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def test_a_script_is_recorded_within_its_budget(
    graphscope: Run, process: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)

    done = process("record", "train.py", "--max-bytes", "150K")

    assert done.returncode == 0, done.stderr
    path = tmp_path / "train.gscope"
    with open_recording(path) as recording:
        count, thinned = len(recording), recording.thinned
    assert count + thinned == 60
    assert thinned > 20
    assert path.stat().st_size <= 150 * 1024
    assert done.stderr == (
        f"Recorded {count} steps of 60 (older ones were thinned to keep to 150 KiB) in "
        "train.gscope. Open it: graphscope view train.gscope\n"
    )
    shown = graphscope("show", "train.gscope").stdout
    assert f"train.gscope · step 59 (0 to 59, {thinned} of 60 missing)" in shown
    refused = graphscope("show", "train.gscope", "--step", "1")
    assert refused.returncode == 1
    assert f"Step 1 is missing ({thinned} of 60 missing)" in refused.stderr


@pytest.mark.parametrize("size", ["5X", "", "-3", "0", "1e9", "2 apples", "0.1"])
def test_nonsense_is_refused_in_one_sentence(
    process: Run, tmp_path: Path, size: str
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)

    done = process("record", "train.py", f"--max-bytes={size}")

    assert done.returncode == 2
    [line] = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert line == (
        f"Error: Invalid value for '--max-bytes': {size!r} is no size: write a number "
        "of bytes, or one with K, M, G or T behind it, such as 500M or 2G."
    )
    assert not (tmp_path / "train.gscope").exists()


def test_show_tells_a_killed_recording_from_one_that_is_being_written(
    graphscope: Run, tmp_path: Path
) -> None:
    path = tmp_path / "run.gscope"
    writer = RecordingWriter(path, environment={})
    writer.add(logistic_traces(1)[0])
    writer.flush()
    assert " · still being recorded\n" in graphscope("show", "run.gscope").stdout
    writer.close()
    shown = graphscope("show", "run.gscope").stdout
    assert "recorded" not in shown.splitlines()[-1]
    assert "killed" not in shown


def test_show_says_that_the_process_was_killed(graphscope: Run, tmp_path: Path) -> None:
    program = """
import os, sys
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces
writer = RecordingWriter(sys.argv[1], environment={})
writer.add(logistic_traces(1)[0])
writer.flush()
os.kill(os.getpid(), 9)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run.gscope")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL

    shown = graphscope("show", "run.gscope").stdout

    assert "run.gscope · step 0 (0 to 0) · l 0.1394 · its process was killed\n" in shown
