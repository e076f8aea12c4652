"""Damage a recording in thousands of ways and read what is left.

    python -m tests.storage.mutations --count 10000 --seed 1

A step that can be read must equal the original one, everything else must be a
`RecordingError`. A second process reads; this one kills it when a mutation takes longer
than 2 s, and sees it crash.
"""

# ruff: noqa: T201 - it prints what it found

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np

from graphscope.errors import RecordingError
from graphscope.model.graph import Role
from graphscope.model.observation import Observation, summarize
from graphscope.model.trace import Trace
from graphscope.storage.file import FileRecording, open_recording
from graphscope.storage.writer import RecordingWriter
from tests.samples import logistic_traces
from tests.storage.compare import loss_bits, trace_bits

DEADLINE_S = 2.0
STEPS = 24
THINNED_STEPS = 120
_THINNED_BYTES = 300_000
_PAGE = 4096

Harm = Callable[[random.Random, bytearray], None]
Files = Mapping[str, bytes]


def flip(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 1, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def _span(rng: random.Random, data: bytearray) -> slice:
    start = rng.randrange(len(data))
    return slice(start, min(len(data), start + rng.choice((1, 16, 300, _PAGE))))


def zero(rng: random.Random, data: bytearray) -> None:
    span = _span(rng, data)
    data[span] = bytes(len(data[span]))


def garbage(rng: random.Random, data: bytearray) -> None:
    span = _span(rng, data)
    data[span] = rng.randbytes(len(data[span]))


def duplicate(rng: random.Random, data: bytearray) -> None:
    pages = len(data) // _PAGE
    source, target = (rng.randrange(pages) * _PAGE for _ in range(2))
    data[target : target + _PAGE] = data[source : source + _PAGE]


def insert(rng: random.Random, data: bytearray) -> None:
    span = _span(rng, data)
    data[span.start : span.start] = data[span]


HARMS: tuple[Harm, ...] = (flip, flip, cut, zero, garbage, duplicate, insert)


@dataclass(frozen=True)
class Truth:
    """What may be read from a file, by step number."""

    steps: Mapping[int, object]
    losses: Mapping[int, object]
    weights: Mapping[int, object]
    sources: Mapping[str, str]


@dataclass
class Tally:
    """What became of the mutations."""

    steps_read: Counter[str] = field(default_factory=Counter)
    steps_there: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    failures: list[str] = field(default_factory=list)


def make_steps(count: int) -> list[Trace]:
    """Make steps of several pages each, so that damage hits every kind of page."""
    steps = []
    for trace in logistic_traces(count):
        wide = Observation(np.arange(1500.0) * trace.step)
        stats = Observation(summary=summarize(np.arange(9.0) + trace.step))
        seen = [*trace.observations[:-2], wide, stats]
        steps.append(Trace(trace.graph, trace.step, seen, sources=trace.sources))
    return steps


def find_truth(steps: list[Trace]) -> Truth:
    return Truth(
        {t.step: trace_bits(t) for t in steps},
        {t.step: loss_bits(t.loss()) for t in steps},
        {t.step: seen.scalar for t in steps if (seen := t.value_of(1)) is not None},
        dict(steps[0].sources),
    )


def make_files(folder: Path) -> dict[str, Files]:
    """Return the bytes of a closed, a thinned and a killed recording."""
    closed, killed = _write(folder / "whole.gscope", STEPS)
    thinned, _ = _write(folder / "thin.gscope", THINNED_STEPS, _THINNED_BYTES)
    return {"closed": closed, "thinned": thinned, "killed": killed}


def _write(path: Path, count: int, max_bytes: int = 1 << 30) -> tuple[Files, Files]:
    writer = RecordingWriter(path, environment={"python": "3"}, max_bytes=max_bytes)
    for trace in make_steps(count):
        writer.add(trace)
        if trace.step % 4 == 3:
            writer.flush()
    wal = path.with_name(path.name + "-wal")
    killed = {"": path.read_bytes(), "-wal": wal.read_bytes()}
    writer.close()
    assert writer.error is None
    return {"": path.read_bytes()}, killed


def mutate(rng: random.Random, files: Files) -> dict[str, bytes]:
    """Return the files with one harm done to one of them, mostly the log."""
    harmed = rng.choice(["", "-wal", "-wal", "-wal"]) if "-wal" in files else ""
    found = {}
    for suffix, content in files.items():
        data = bytearray(content)
        if suffix == harmed:
            rng.choice(HARMS)(rng, data)
        found[suffix] = bytes(data)
    return found


def check_shows_the_truth(path: Path, truth: Truth) -> int:
    """Read everything that a file shows; return how many steps were found.

    Raises:
        AssertionError: Something that it shows is not true.
    """
    try:
        recording = open_recording(path)
    except RecordingError:
        return 0
    with recording:
        damaged = recording.damaged
        numbers = recording.numbers
        _check_series(recording, truth)
        found = 0
        for position in range(len(recording)):
            try:
                trace = recording[position]
            except RecordingError:
                assert position in damaged
                continue
            assert trace.step == numbers[position]
            assert trace.sources in ({}, truth.sources)
            with_text = Trace(
                trace.graph, trace.step, trace.observations, sources=truth.sources
            )
            assert trace_bits(with_text) == truth.steps[trace.step]
            found += 1
    return found


def _check_series(recording: FileRecording, truth: Truth) -> None:
    numbers = recording.numbers
    for number, loss in zip(numbers, recording.losses(), strict=True):
        assert loss is None or loss_bits(loss) == truth.losses[number]
    series = recording.series("w_1", Role.VALUE)
    for number, weight in zip(numbers, series, strict=True):
        assert weight is None or weight == truth.weights[number]


def run(count: int, seed: int) -> Tally:
    """Do `count` mutations, each read by a process that is watched."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = make_files(folder)
        truth = find_truth(make_steps(THINNED_STEPS))
        whole = {k: _count_whole(folder, k, f, truth) for k, f in kinds.items()}
        reader = _Reader(folder, truth)
        for number in range(count):
            rng = random.Random(seed * 1_000_003 + number)  # noqa: S311 - no secret
            kind = list(kinds)[number % len(kinds)]
            path = folder / "m.gscope"
            for suffix, data in mutate(rng, kinds[kind]).items():
                path.with_name(path.name + suffix).write_bytes(data)
            problem, found, took_s = reader.read(path)
            tally.slowest_s = max(tally.slowest_s, took_s)
            tally.steps_read[kind] += found
            tally.steps_there[kind] += whole[kind]
            tally.refused[kind] += not found
            if problem:
                tally.failures.append(f"seed {seed}, mutation {number}: {problem}")
            for file in folder.glob("m.gscope*"):
                file.unlink()
        reader.end()
    return tally


def _count_whole(folder: Path, kind: str, files: Files, truth: Truth) -> int:
    path = folder / f"{kind}-check.gscope"
    for suffix, data in files.items():
        path.with_name(path.name + suffix).write_bytes(data)
    found = check_shows_the_truth(path, truth)
    assert found
    return found


class _Reader:
    """A forked process that reads one file after the other, and may be killed."""

    def __init__(self, folder: Path, truth: Truth) -> None:
        self._folder = folder
        self._truth = truth
        self._start()

    def _start(self) -> None:
        asked, self._ask = os.pipe()
        self._answer, answer = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(self._ask)
            os.close(self._answer)
            _serve(asked, answer, self._truth)
        os.close(asked)
        os.close(answer)

    def read(self, path: Path) -> tuple[str, int, float]:
        """Return what went wrong, how many steps were read, and how long it took."""
        start = monotonic()
        os.write(self._ask, f"{path}\n".encode())
        is_there = select.select([self._answer], [], [], DEADLINE_S)[0]
        took_s = monotonic() - start
        text = os.read(self._answer, 1 << 16).decode() if is_there else ""
        if text:
            found, _, problem = text.strip().partition(" ")
            return problem, int(found), took_s
        os.kill(self._child, signal.SIGKILL)
        status = os.waitpid(self._child, 0)[1]
        self._close()
        self._start()
        return (f"crash {status}" if is_there else "hang"), 0, took_s

    def end(self) -> None:
        """Let the process end."""
        self._close()
        os.waitpid(self._child, 0)

    def _close(self) -> None:
        os.close(self._ask)
        os.close(self._answer)


def _serve(asked: int, answer: int, truth: Truth) -> None:
    for line in _lines(asked):
        try:
            reply = str(check_shows_the_truth(Path(line), truth))
        except Exception:  # noqa: BLE001 - any exception but ours is a failure
            reply = "0 " + traceback.format_exc().replace("\n", " | ")
        os.write(answer, reply[:60_000].encode() + b"\n")
    os._exit(0)


def _lines(asked: int) -> Iterator[str]:
    with os.fdopen(asked) as lines:
        for line in iter(lines.readline, ""):
            yield line.strip()


def report(tally: Tally) -> None:
    """Print what became of the mutations."""
    for kind, there in tally.steps_there.items():
        read = tally.steps_read[kind]
        print(
            f"{kind:8} {read} of {there} steps read ({100 * read / there:.1f} %),"
            f" {tally.refused[kind]} files without any"
        )
    print(f"slowest {tally.slowest_s:.2f} s, {len(tally.failures)} failures")
    for failure in tally.failures[:20]:
        print(failure)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    tally = run(given.count, given.seed)
    report(tally)
    sys.exit(bool(tally.failures))


if __name__ == "__main__":
    main()
