"""Running a script with plain python and under graphscope, to compare the two."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphscope.session.interpreter import launch_command
from graphscope.session.live_options import LiveOptions
from graphscope.session.order import Order
from graphscope.session.target import ScriptTarget
from graphscope.storage.schema import DEFAULT_MAX_BYTES

PLAIN = "python"
RECORD = "graphscope record"
LIVE = "graphscope run --headless"


@dataclass(frozen=True)
class Ending:
    """What one sees of a process from outside; −N where signal N has killed it."""

    code: int
    out: str
    err: str


def run_as(
    how: str, folder: Path, *words: str, flags: Sequence[str] = (), output: Path
) -> Ending:
    """Run a script in one of the three ways; under graphscope to the file `output`."""
    is_module = words[0] == "-m"
    name, *argv = words[is_module:]
    target = ScriptTarget(name, argv, is_module=is_module)
    command = [sys.executable, *flags, *words]
    if how != PLAIN:
        live = LiveOptions() if how == LIVE else None
        order = Order(target, output, True, DEFAULT_MAX_BYTES, live, is_logged=True)
        launch = launch_command(order.to_json(), target.words)
        command = [sys.executable, *flags, *launch[len(launch) - len(words) - 2 :]]
    done = subprocess.run(
        command,
        cwd=folder,
        input="typed by the user\n",
        capture_output=True,
        text=True,
        check=False,
    )
    return Ending(done.returncode, done.stdout, done.stderr)
