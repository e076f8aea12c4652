"""Small programs for a second process, and how to run them."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

PRELUDE: Final = """\
import os, sys
from pathlib import Path
import numpy as np
from graphscope.storage.file import open_recording
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces
path = Path(sys.argv[1])
"""


def start(body: str, path: Path) -> "subprocess.Popen[str]":
    """Start a program that gets `path` as its argument."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + body, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(body: str, path: Path) -> list[str]:
    """Run a program to its end and return the lines that it printed."""
    process = start(body, path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out.splitlines()
