"""Kill a process that a debugger steps through with -9, and look what is left.

    python -m tests.storage.pauses --count 200

Without torch: the child hands steps that are known beforehand to a writer, and tells on
a pipe what it has done. What it was told to be visible must be there afterwards,
whenever the kill came; of steps that were only added all but the last 100 ms.
"""

import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from struct import Struct
from time import monotonic_ns, sleep

import numpy as np

from graphscope.model.graph import Scope
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from graphscope.storage.ending import Ending
from graphscope.storage.file import FileRecording, open_recording
from graphscope.storage.writer import RecordingWriter
from tests.drafts import cut_short
from tests.samples import logistic_trace
from tests.storage.compare import trace_bits
from tests.storage.killing import kill_after, read_arguments, report_lost

_LINE = Struct("<qqq")
_LONGEST_S = 0.7
_SMALL = 1 << 17
_SCOPES = 300  # a graph of several pages
_ELEMENTS = 2000

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Pace:
    """What the child does with each step.

    Attributes:
        rest_s: How long it rests after each thing that it does.
        shows: Whether it pauses at every event.
        stays: In which step it stays paused; -1 for never.
    """

    rest_s: float = 0.0
    shows: bool = True
    stays: int = -1
    max_bytes: int = 1 << 30


PACES = {
    "stepping": Pace(),
    "stepping slowly": Pace(0.01),
    "stepping, thinned": Pace(max_bytes=_SMALL),
    "paused": Pace(stays=3),
    "running": Pace(0.002, shows=False),
}


@cache
def whole_step() -> Trace:
    """Return a step whose graph and numbers take several pages."""
    trace = logistic_trace(0)
    scopes = tuple(Scope(f"layer{i}", "Net") for i in range(_SCOPES))
    return replace(trace, graph=replace(trace.graph, scopes=scopes))


@cache
def part_of(events: int) -> Trace:
    """Return the step after `events` events; after all it is finished."""
    whole = whole_step()
    count = len(whole.graph.events)
    return whole if events == count else cut_short(whole, events)


def at(step: int, events: int) -> Trace:
    """Return what is known of a step after `events` events."""
    part = part_of(events)
    wide = Observation(np.arange(_ELEMENTS) * (step + 1.0))
    return replace(part, step=step, observations=(*part.observations[:-1], wide))


def kill_once(path: Path, pace: Pace, delay_s: float) -> float:
    """Start a child, kill it `delay_s` after its first word; return the ms lost.

    Raises:
        AssertionError: The recording lacks what was there, or has something else.
    """
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        _be_child(path, pace, into)
    os.close(into)
    killed_ns, told = kill_after(out, child, delay_s, _LINE)
    with open_recording(path) as recording:
        assert recording.ending is Ending.KILLED
        assert recording.damaged == ()
        _check_steps(recording)
        _check_graphs(path)
        return _measure(recording, told, killed_ns)


def _be_child(path: Path, pace: Pace, into: int) -> None:
    try:

        def tell(step: int, events: int) -> None:
            os.write(into, _LINE.pack(step, events, monotonic_ns()))
            sleep(pace.rest_s)

        writer = RecordingWriter(path, environment={}, max_bytes=pace.max_bytes)
        step = 0
        while True:
            _do_step(writer, step, pace, tell)
            step += 1
    except BaseException as problem:  # noqa: BLE001 - a forked child must not return
        sys.stderr.write(f"the child failed: {problem!r}\n")
    os._exit(1)


def _do_step(writer: RecordingWriter, step: int, pace: Pace, tell: Tell) -> None:
    count = len(whole_step().graph.events)
    for events in range(1, count) if pace.shows else ():
        if not writer.show(at(step, events)):
            raise TimeoutError("it was not shown")
        tell(step, events)
        if step == pace.stays and events == count // 2:
            sleep(60)
    writer.add(at(step, count))
    tell(step, count)


def _check_steps(recording: FileRecording) -> None:
    numbers = recording.numbers
    assert len(numbers) + recording.thinned == numbers[-1] + 1, "a step is missing"
    count = len(whole_step().graph.events)
    for position, (number, trace) in enumerate(zip(numbers, recording, strict=True)):
        events = len(trace.graph.events)
        assert events == count or position == len(numbers) - 1, "a draft is inside"
        assert trace_bits(trace) == trace_bits(at(number, events))


def _check_graphs(path: Path) -> None:
    """Of all the drafts there may be the graph of the last."""
    with closing(sqlite3.connect(path)) as database:
        (graphs,) = database.execute("SELECT count(*) FROM graph").fetchone()
    assert graphs <= 2, f"{graphs} graphs"


def _measure(
    recording: FileRecording, told: list[tuple[int, ...]], killed_ns: int
) -> float:
    last = recording[-1]
    place = last.step, len(last.graph.events)
    count = len(whole_step().graph.events)
    shown = [(step, events) for step, events, _ in told if events < count]
    assert not shown or place >= shown[-1], f"{shown[-1]} was shown, {place} is there"
    lost = [told_ns for step, events, told_ns in told if (step, events) > place]
    return (killed_ns - lost[0]) / 1e6 if lost else 0.0


def run(count: int, seed: int) -> dict[str, list[float]]:
    """Kill `count` children, one after the other; return what each lost, in ms."""
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets
    for events in range(1, len(whole_step().graph.events) + 1):
        part_of(events)  # once, and not in every child
    lost: dict[str, list[float]] = {name: [] for name in PACES}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            name = list(PACES)[number % len(PACES)]
            path = Path(folder) / f"{number}.gscope"
            lost[name].append(kill_once(path, PACES[name], rng.uniform(0, _LONGEST_S)))
            for file in Path(folder).iterdir():
                file.unlink()
    return lost


def main() -> None:
    """Read the arguments, run, and print what was lost."""
    given = read_arguments(__doc__)
    lost = run(given.count, given.seed)
    sys.exit(min(1, report_lost(lost, given.limit_ms)))


if __name__ == "__main__":
    main()
