"""`run` without its interface: headless, and what it refuses before anything runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.session.order import INTERFACE
from graphscope.storage.file import open_recording
from graphscope.storage.writer import RecordingWriter
from tests.cli.conftest import Run
from tests.session.driving import private_places  # noqa: F401 - a fixture

TRAIN = """\
import sys
import torch

w = torch.tensor(1.0, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for epoch in range(4):
    x = torch.tensor(2.0 - epoch)
    loss = w * torch.log(x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("read", sys.stdin.read(), sys.argv)
sys.exit(7)
"""


def told(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return what was said on stderr, behind the line that names the process."""
    first, *rest = done.stderr.splitlines()
    head, number = first.rsplit(" ", 1)
    assert head == (
        f"graphscope: train.py trains in process {number}. Attach from another "
        "terminal: graphscope attach"
    )
    return rest


def test_until_ends_a_headless_run_there_with_exit_code_3(
    process: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)

    done = process("run", "--headless", "--until", "has_inf", "train.py", "-o", "x")

    assert (done.returncode, done.stdout) == (3, "")
    # x is 2, 1, 0: log(x) is finite twice, and then −∞
    [line] = told(done)
    assert line == (
        "Stopped by --until 'has_inf' at step 2, event 2: torch.log(x) = log, "
        "train.py:8: loss = w * torch.log(x). Open it: graphscope view train.gscope"
    )
    with open_recording(tmp_path / "train.gscope") as recording:
        assert len(recording) == 3
        assert recording.environment["script"] == "train.py"
        assert recording.environment["arguments"] == "-o x"
        last = recording[2]
    assert last.event_title(len(last.graph.events) - 1) == "torch.log(x) = log"


def test_without_a_hit_the_script_ends_as_it_would_and_so_it_is_told(
    process: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)

    words = ("--until", "lss", "-o", "r.gscope", "train.py", "--", "--until", "x")
    done = process("run", "--headless", *words)

    assert done.returncode == 7
    assert done.stdout == "read  ['train.py', '--', '--until', 'x']\n"
    missed, recorded = told(done)
    assert missed == (
        "graphscope: --until 'lss' was never reached. Nothing is named 'lss'. Nearest: "
        "loss."
    )
    assert recorded == "Recorded 4 steps in r.gscope. Open it: graphscope view r.gscope"


def test_the_options_of_python_and_of_torchrun_reach_the_script(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import os, sys\nprint(sys.flags.optimize, sys.flags.dev_mode, sys.argv)\n"
        "print(os.environ['RANK'], sys.stdin.read())\n"
    )
    flags = ["-O", "-X", "dev"]
    words = ["run", "--headless", "-mtrain", "--lr", "3"]

    done = subprocess.run(
        [sys.executable, *flags, "-m", "graphscope", *words],
        cwd=tmp_path,
        env={
            "RANK": "1",
            "WORLD_SIZE": "2",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        input="typed",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == (
        f"1 True [{str(tmp_path / 'train.py')!r}, '--lr', '3']\n1 typed\n"
    )
    assert done.stderr.splitlines()[-1] == (
        "Nothing was recorded in train.rank1.gscope: the script ran no torch operation."
    )
    assert done.returncode == 0


def make_recording(path: Path, **environment: str) -> RecordingWriter:
    return RecordingWriter(path, environment=environment)


def see_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphscope.cli.run.has_terminal", lambda: True)


@pytest.mark.parametrize("is_headless", [True, False])
def test_a_recording_that_somebody_wanted_is_not_replaced(
    graphscope: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_headless: bool,
) -> None:
    (tmp_path / "train.py").write_text("open('it_ran', 'w').close()\n")
    make_recording(tmp_path / "train.gscope", script="train.py", live="yes").close()
    see_a_terminal(monkeypatch)

    done = graphscope("run", *(["--headless"] if is_headless else []), "train.py")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: train.gscope exists already; nothing was overwritten. Choose "
        "another name with -o, or overwrite it with --force.\n"
    )
    assert not (tmp_path / "it_ran").exists()


def test_what_the_interface_has_recorded_is_replaced_unless_it_was_named(
    graphscope: Run, process: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("print('ran')\n")
    made = {"script": "train.py", INTERFACE: "terminal"}
    make_recording(tmp_path / "train.gscope", **made).close()

    named = graphscope("run", "--headless", "-o", "train.gscope", "train.py")
    again = process("run", "--headless", "train.py")

    assert (named.returncode, "exists already" in named.stderr) == (1, True)
    assert (again.returncode, again.stdout) == (0, "ran\n")
    with open_recording(tmp_path / "train.gscope") as recording:
        assert INTERFACE not in recording.environment  # so this one is kept


def test_a_recording_whose_script_still_runs_is_not_replaced(
    graphscope: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("print('ran')\n")
    writer = make_recording(tmp_path / "train.gscope", **{INTERFACE: "terminal"})
    try:
        done = graphscope("run", "--headless", "train.py")
    finally:
        writer.close()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: train.gscope is being recorded: its script still runs. Attach to "
        "it: graphscope attach train.gscope. Or choose another name with -o.\n"
    )


def test_the_interface_needs_a_terminal_of_its_own(
    graphscope: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.py").write_text("print('ran')\n")

    without = graphscope("run", "train.py", "--lr", "3")
    see_a_terminal(monkeypatch)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    shared = graphscope("run", "-m", "train", "--lr", "3")

    assert (without.returncode, without.stdout) == (1, "")
    assert without.stderr == (
        "graphscope: There is no terminal to open the debugger in: stdin or stdout is "
        "not one. Run the script without, and attach from a terminal: graphscope run "
        "--headless train.py …\n"
    )
    assert (shared.returncode, shared.stdout) == (1, "")
    assert shared.stderr == (
        "graphscope: Several processes train together (RANK and WORLD_SIZE are set), "
        "and one terminal is not enough for all their debuggers. Run them without, and "
        "attach to all at once from another terminal: graphscope run --headless -m "
        "train …\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.py"]


def test_a_misspelt_breakpoint_is_told_before_anything_runs(
    graphscope: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("open('it_ran', 'w').close()\n")

    done = graphscope("run", "--headless", "--break", "b if grad.l3 > 1", "train.py")

    assert (done.returncode, done.stdout) == (2, "")
    assert "\n".join(done.stderr.splitlines()[3:]) == (
        "Error: Invalid value for '--break': There is no number 'l3' of a tensor. "
        "Nearest: l2.\n"
        "  b if grad.l3 > 1\n"
        "            ^"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.py"]


def test_a_syntax_error_is_told_as_python_does_and_no_interface_opens(
    graphscope: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.py").write_text("x = '\\d'\nloss = (w -\n")
    see_a_terminal(monkeypatch)

    done = graphscope("run", "train.py")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        '  File "train.py", line 2\n'
        "    loss = (w -\n"
        "           ^\n"
        "SyntaxError: '(' was never closed\n"
    )
    assert not (tmp_path / "train.gscope").exists()


def test_a_script_that_is_not_there_is_named(graphscope: Run) -> None:
    done = graphscope("run", "--headless", "train.py")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: There is no file train.py. Nothing was recorded.\n"
    )
