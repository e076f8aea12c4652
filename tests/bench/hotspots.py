"""Where a traced step spends its time: cProfile, by own time."""

import cProfile
import pstats
import tempfile
from pathlib import Path
from typing import Final

import graphscope as gs
from tests.bench.clock import time_steps
from tests.bench.rounds import WARM_STEPS
from tests.bench.works import WORKS, make_job

_LINES: Final = 45


def print_hot_spots(name: str) -> None:
    """Profile the steps of one block after the first two of a recording.

    The profiler sees the training thread alone, and makes small functions look dearer
    than they are.
    """
    job = make_job(name)
    step = job.make_step()
    profile = cProfile.Profile()
    with (
        tempfile.TemporaryDirectory() as folder,
        gs.record(Path(folder) / "profile.gscope", job.model),
    ):
        time_steps(step, WARM_STEPS)
        profile.enable()
        time_steps(step, WORKS[name].steps)
        profile.disable()
    print(f"\n{WORKS[name].steps} traced steps: {WORKS[name].title}")
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(_LINES)
