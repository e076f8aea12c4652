"""Measurements in processes of their own; `tests.bench.child` is the other end."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


class ChildError(Exception):
    """A child failed or took too long; the message says which, on one line."""


def command_for(part: str, threads: int, **asked: object) -> list[str]:
    """Return the command line of a child."""
    text = json.dumps({"part": part, "threads": threads, **asked})
    return [sys.executable, "-m", "tests.bench.child", text]


def run_child(
    part: str, threads: int, timeout_s: float, **asked: object
) -> Mapping[str, Any]:
    """Run one measurement in a fresh process; return what it printed last.

    Raises:
        ChildError: It failed, or was killed after `timeout_s`.
    """
    command = command_for(part, threads, **asked)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise ChildError(f"took more than {timeout_s:.0f} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ChildError(lines[-1][:100])
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
