"""`record` runs a script as Python does, and keeps what ran."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Run

TRAIN = """\
import sys
import torch

w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for epoch in range(4):
    loss = (w - 3) ** 2
    optimizer.zero_grad()
    loss.backward()
    if epoch == 2:
        END
    optimizer.step()
print("arguments", sys.argv)
"""


def write_script(folder: Path, end: str) -> Path:
    script = folder / "train.py"
    script.write_text(TRAIN.replace("END", end))
    return script


def test_a_script_gets_its_arguments_and_its_stdout(
    graphscope: Run, process: Run, tmp_path: Path
) -> None:
    write_script(tmp_path, "pass")

    done = process("record", "train.py", "-o", "r.gscope", "--", "--epochs", "-x")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "arguments ['train.py', '--epochs', '-x']\n"
    assert done.stderr == (
        "Recorded 4 steps in r.gscope. Open it: graphscope view r.gscope\n"
    )
    # loss = (w − 3)² with w = 1, then dloss/dw = 2 (w − 3) = −4 and w ← 1 + 0.1 · 4
    shown = graphscope("show", "r.gscope", "--step", "0").stdout
    assert "r.gscope · step 0 (0 to 3) · loss 4\n" in shown
    [row] = [line.split() for line in shown.splitlines() if line.startswith("w ")]
    assert row == ["w", "parameter", "f32[]", "1", "−4", "−4", "1.4", "4"]


def test_a_script_that_raises_keeps_its_traceback_and_its_steps(
    graphscope: Run, process: Run, tmp_path: Path
) -> None:
    script = write_script(tmp_path, "raise ValueError('loss is strange')")
    plain = subprocess.run(
        [sys.executable, script.name],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    done = process("record", "train.py")

    assert (plain.returncode, done.returncode) == (1, 1)
    assert "ValueError: loss is strange" in plain.stderr
    assert done.stderr.startswith(plain.stderr)
    assert "train.gscope · step 1 (0 to 2)" in graphscope("show", "train.gscope").stdout
    aborted = graphscope("show", "train.gscope", "--step", "2").stdout
    assert "ended by ValueError: loss is strange" in aborted


def test_the_exit_code_is_the_scripts_own_and_force_overwrites(
    graphscope: Run, process: Run, recording: Path
) -> None:
    write_script(recording.parent, "sys.exit(7)")

    done = process("record", "train.py", "-o", recording.name, "--force")

    assert done.returncode == 7
    assert "run.gscope · step 1 (0 to 2)" in graphscope("show", recording.name).stdout


def test_force_overwrites_nothing_but_a_recording(process: Run, tmp_path: Path) -> None:
    write_script(tmp_path, "pass")
    (tmp_path / "notes.gscope").write_bytes(b"precious")

    done = process("record", "train.py", "-o", "notes.gscope", "--force")

    assert (done.returncode, done.stdout) == (1, "")
    assert "notes.gscope" in done.stderr
    assert (tmp_path / "notes.gscope").read_bytes() == b"precious"


def test_a_script_without_torch_says_that_nothing_was_recorded(
    process: Run, tmp_path: Path
) -> None:
    (tmp_path / "plain.py").write_text("print(6 * 7)\n")

    done = process("record", "plain.py", "-o", "r.gscope")

    assert (done.returncode, done.stdout) == (0, "42\n")
    assert done.stderr == (
        "Nothing was recorded in r.gscope: the script ran no torch operation.\n"
    )
