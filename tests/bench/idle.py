"""Installed, but not recording: what a trace that is over leaves behind.

Two fresh processes do the same bare steps: one recorded a few steps and closed the
recording, the other never imported graphscope. They take turns, so load hits both
alike, and pairs are started anew, because two processes never have quite the same
memory layout. A third one, also without graphscope, says what noise alone does. CPU
time is compared: three processes at once hear too much of the machine.
"""

import gc
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.clock import Spread, middle, time_steps
from tests.bench.processes import ChildError, command_for
from tests.bench.works import WORKS, make_job

_PAIRS: Final = 5
_TURNS: Final = 9
_LARGE_NOISE: Final = 0.05
_STEPS: Final = {"mlp": 150, "chain10k": 3}


def run_idle(work: str, *, traced: bool) -> dict[str, bool]:
    """In a child: time one block of bare steps for every line on stdin."""
    job = make_job(work)
    step = job.make_step()
    for _ in range(3):
        step()
    if traced:
        import graphscope as gs

        with (
            tempfile.TemporaryDirectory() as folder,
            gs.record(Path(folder) / "idle.gscope", job.model),
        ):
            for _ in range(3):
                step()
    step = job.make_step()
    gc.collect()
    for _ in sys.stdin:
        print(json.dumps(middle(time_steps(step, _STEPS[work]).cpu)), flush=True)
    return {"done": True}


class _Child:
    def __init__(self, work: str, threads: int, *, traced: bool) -> None:
        self._process = subprocess.Popen(
            command_for("idle", threads, work=work, traced=traced),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def time(self) -> float:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        stdin.write("go\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise ChildError("the process of the idle measurement ended")
        return float(json.loads(line))

    def close(self) -> None:
        self._process.communicate()


def _compare(work: str, threads: int) -> tuple[float, float]:
    """Return the idle process over the bare one, and the other bare one over it."""
    children = [_Child(work, threads, traced=traced) for traced in (False, True, False)]
    try:
        for child in children:
            child.time()
        turns = [[child.time() for child in children] for _ in range(_TURNS)]
    finally:
        for child in children:
            child.close()
    idle, noise = ([turn[k] / turn[0] for turn in turns] for k in (1, 2))
    return middle(idle), middle(noise)


def measure_idle(threads: int) -> None:
    """Print what a process pays that imported graphscope and traced before."""
    print(
        f"\ninstalled, not recording: bare steps of two fresh processes, one of which"
        f"\n  recorded before and closed the file; {_PAIRS} pairs, {_TURNS} turns each"
    )
    for work in _STEPS:
        pairs = [_compare(work, threads) for _ in range(_PAIRS)]
        idle = Spread.of([pair[0] for pair in pairs])
        noise = Spread.of([pair[1] for pair in pairs])
        slack = max(0.02, noise.high - 1, 1 - noise.low)
        verdict = "met" if idle.median <= 1 + slack else "MISSED"
        verdict += "?" * (slack > _LARGE_NOISE)
        print(
            f"  {WORKS[work].title:26} {idle}   A/A {noise}   "
            f"1.00 within {slack:.2f} {verdict}"
        )
