"""Bare against traced, in one process, turn by turn.

A round is a block of bare steps, a block of traced ones, a block of bare ones. During
the bare blocks no recorder exists: no mode, no hook. A traced block is one recording
of its own, whose first two steps, in which code is read and plans are made, are
reported and not compared. What the machine does meanwhile hits the blocks of a round
alike, so each round gives one ratio; and the two bare blocks against each other say
what ratio comes from noise alone.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import graphscope as gs
from graphscope.session.runs import RecordingRun
from tests.bench.clock import Block, time_parts, time_steps
from tests.bench.works import WORKS, Job, make_job

WARM_STEPS: Final = 2
_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Written:
    """What is in a recording: proof that the traced steps were recorded.

    Attributes:
        ops: Of the last step.
        nodes: Backward nodes of the last step.
        bytes_per_step: Of the file.
        complaints: Missing steps, faults, failed writes.
    """

    ops: int
    nodes: int
    bytes_per_step: float
    complaints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TracedBlock:
    """A recording: its first steps, the others, what is in the file.

    Attributes:
        warm: Seconds of the first steps.
        block: The steps that count; their mean CPU time includes closing the file.
        close_s: Seconds from the last step to the closed file.
        written: What the file holds.
    """

    warm: Sequence[float]
    block: Block
    close_s: float
    written: Written


@dataclass(frozen=True, slots=True)
class Round:
    """Bare, traced, bare."""

    before: Block
    traced: TracedBlock
    after: Block

    def ratio(self, read: Callable[[Block], float]) -> float:
        """Return traced over bare."""
        return 2 * read(self.traced.block) / (read(self.before) + read(self.after))

    def noise(self, read: Callable[[Block], float]) -> float:
        """Return bare over bare."""
        return read(self.after) / read(self.before)


def trace_block(
    job: Job,
    count: int,
    options: dict[str, Any],
    *,
    begin: Callable[..., AbstractContextManager[RecordingRun]] | None = None,
) -> TracedBlock:
    """Record `count` steps after the first two, to a file that is removed.

    Args:
        job: What is trained.
        count: Steps of the block that counts.
        options: Of the recording.
        begin: Makes the recording of a path, by default `gs.record`.
    """
    begin = begin or partial(_record, job)
    step = job.make_step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.gscope"
        with begin(path, **options) as run:
            warm, block = time_parts(step, (WARM_STEPS, count))
            done = time.perf_counter()
        close_s = time.perf_counter() - done
        cpu_mean = (time.process_time() - block.cpu_start) / len(block.wall)
        written = _read_back(path, len(warm.wall) + len(block.wall), run.faults)
    return TracedBlock(warm.wall, replace(block, cpu_mean=cpu_mean), close_s, written)


def _record(job: Job, path: Path, **options: Any) -> RecordingRun:
    return gs.record(path, job.model, **options)


def _read_back(path: Path, expected: int, faults: dict[str, int]) -> Written:
    complaints = [f"{count} x {fault}" for fault, count in faults.items()]
    with gs.load(path) as recording:
        found = len(recording)
        if found != expected:
            complaints.append(f"{found} of {expected} steps recorded")
        graph = recording[-1].trace.graph
        ops, nodes = len(graph.ops), len(graph.grad_nodes)
    size = path.stat().st_size / max(1, found)
    return Written(ops, nodes, size, tuple(complaints))


def measure(name: str, rounds: int, options: dict[str, Any]) -> list[Round]:
    """Run all rounds of one work, fewer when they take minutes; at least one."""
    work, job = WORKS[name], make_job(name)
    step = job.make_step()
    time_steps(step, WARM_STEPS)
    found: list[Round] = []
    deadline = time.perf_counter() + _PATIENCE_S
    while len(found) < rounds and (not found or time.perf_counter() < deadline):
        before = time_steps(step, work.steps)
        traced = trace_block(job, work.steps, options)
        found.append(Round(before, traced, time_steps(step, work.steps)))
    return found
