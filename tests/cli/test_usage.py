"""Help, version, wrong usage, and what is not imported for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.version import __version__
from tests.cli.conftest import ROOT, Run

COMMANDS = ("demo", "record", "run", "attach", "view", "show", "why", "check", "export")


def test_the_version_goes_to_stdout(process: Run) -> None:
    done = process("--version")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"graphscope {__version__}\n"


def test_the_help_lists_every_command_with_one_sentence(graphscope: Run) -> None:
    done = graphscope("--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-9:] == [
        "  demo    Run one of the lectures' examples: its picture, its numbers.",
        "  record  Run a script as Python does and record its training.",
        "  run     Run a script under the debugger: pause its training, step, look.",
        "  attach  Open the debugger over a script that runs already.",
        "  view    Open a recording in the terminal, to step through it.",
        "  show    Print a recorded step: its picture and its numbers.",
        "  why     Explain a gradient: None, 0, NaN or large; with its chain rule.",
        "  check   Look for everything suspicious; for CI.",
        "  export  Write a recorded step as a picture or as data.",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_describes_itself(graphscope: Run, command: str) -> None:
    done = graphscope(command, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: graphscope {command} ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["shwo"], "Error: No such command 'shwo'."),
        (["record"], "Error: Missing argument 'SCRIPT'."),
        (["run"], "Error: Missing argument 'SCRIPT'."),
        (["run", "--force"], "Error: Missing argument 'SCRIPT'."),
        (["run", "--lr", "3", "train.py"], "Error: No such option: --lr"),
        (["run", "--until", "w if", "train.py"], "Invalid value for '--until': A con"),
        (["show"], "Error: Missing argument 'FILE'."),
        (["export", "run.gscope"], "Error: Missing option '--output' / '-o'."),
        (["show", "run.gscope", "--colour"], "Error: No such option: --colour"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(
    graphscope: Run, arguments: list[str], complaint: str
) -> None:
    done = graphscope(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["a.py", "--epochs", "1"], "--epochs"),
        (["a.py", "-o", "b.gscope", "--lr=0.1", "--", "--n"], "--lr=0.1"),
        (["-n", "a.py"], "-n"),
    ],
)
def test_an_option_of_the_script_is_told_where_it_goes(
    graphscope: Run, arguments: list[str], option: str
) -> None:
    done = graphscope("record", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        f"Error: No such option: {option}. The script's own options go after `--`: "
        "graphscope record SCRIPT -- OPTIONS"
    )


IMPORTED = """
import sys
from graphscope.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as end:
    heavy = {"torch", "textual", "wasmtime", "reportlab"} & set(sys.modules)
    print("exit", end.code, "imported", sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "code", "imported"),
    [
        (["--help"], 0, []),
        (["demo", "--list"], 0, []),
        (["show", "run.gscope"], 0, []),
        (["export", "run.gscope", "-o", "step.dot"], 0, []),
        (["why", "run.gscope", "w_1"], 0, []),
        (["check", "run.gscope"], 0, []),
        (["show", "run.gscope", "--summary"], 1, []),
        (["view", "run.gscope"], 1, []),
        (["run", "--help"], 0, []),
        (["attach", "--list"], 1, []),
        (["attach", "run.gscope"], 1, []),
    ],
)
def test_reading_a_recording_does_not_pay_for_torch(
    recording: Path, arguments: list[str], code: int, imported: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments],
        cwd=recording.parent,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GRAPHSCOPE_RUNTIME_DIR": str(recording.parent / "r"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    last = done.stderr.splitlines()[-1]
    assert last == f"exit {code} imported {imported}", done.stderr
