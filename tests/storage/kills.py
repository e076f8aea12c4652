"""Kill a training with -9 at random moments and look what its recording lost.

    python -m tests.storage.kills --count 200

Each child tells on a pipe, unbuffered, when a step was over. What a recording lacks is
measured from there: the age of the oldest missing step at the moment of the kill.
"""

# ruff: noqa: T201 - it prints what it found

import os
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from struct import Struct
from time import monotonic_ns, sleep

import torch

import graphscope as gs
from graphscope.model.trace import Status, Trace
from graphscope.session.runs import RecordingRun
from graphscope.storage.file import FileRecording, open_recording
from tests.storage.killing import kill_after, read_arguments
from tests.storage.training import NAMES, Step, expected_steps, train

MOST_STEPS = 2500
_LINE = Struct("<qq")
_SMALL = 1 << 20


@dataclass(frozen=True)
class Pace:
    """How long a training rests after each step, in seconds, and every so often.

    With `shows` it pauses there, as a debugger does, and what it shows must be kept.
    """

    rest_s: float = 0.0
    every: int = 1
    max_bytes: int = 1 << 30
    shows: bool = False


PACES = {
    "fast": Pace(),
    "5 ms": Pace(0.005),
    "60 ms": Pace(0.06),
    "250 ms": Pace(0.25),
    "bursts": Pace(0.2, every=40),
    "fast, thinned": Pace(max_bytes=_SMALL),
    "bursts, thinned": Pace(0.05, every=100, max_bytes=_SMALL),
    "paused": Pace(0.02, every=3, shows=True),
}


@dataclass(frozen=True)
class Outcome:
    """What one kill cost."""

    told: int
    found: int
    thinned: int
    lost: int
    lost_ms: float
    gap_ms: float
    """Longest time between two of the last steps: how long nobody ran, at most."""


def kill_once(path: Path, pace: Pace, delay_s: float, expected: list[Step]) -> Outcome:
    """Start a training, kill it `delay_s` after its first step, check the file."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        _be_child(path, pace, into)
    os.close(into)
    killed_ns, lines = kill_after(out, child, delay_s, _LINE)
    told = [told_ns for _, told_ns in lines]
    with open_recording(path) as recording:
        assert recording.status is Status.OPEN, "it was not killed"
        assert not recording.is_written
        outcome = _measure(recording, told, killed_ns, expected)
        assert not (pace.shows and outcome.lost), "a step that was shown is lost"
        return outcome


def _be_child(path: Path, pace: Pace, into: int) -> None:
    try:
        count = 0

        def told(_: Step) -> None:
            nonlocal count
            if pace.shows:
                _show(recording)
            os.write(into, _LINE.pack(count, monotonic_ns()))
            count += 1
            if pace.rest_s and count % pace.every == 0:
                sleep(pace.rest_s)

        with gs.record(path, max_bytes=pace.max_bytes) as recording:
            train(MOST_STEPS, told)
        sleep(60)
    except BaseException as problem:  # noqa: BLE001 - a forked child must not return
        sys.stderr.write(f"the child failed: {problem!r}\n")
    os._exit(1)


def _show(recording: RecordingRun) -> None:
    """Show the step that is running, which has just been updated."""
    recorder, writer = recording._recorder, recording._writer
    assert recorder is not None
    assert writer is not None
    assert writer.show(recorder.snapshot()), "it was not shown"


def _measure(
    recording: FileRecording, told: list[int], killed_ns: int, expected: list[Step]
) -> Outcome:
    assert recording.damaged == ()
    last = recording.numbers[-1] if len(recording) else -1
    assert len(recording) + recording.thinned == last + 1, "a step is missing inside"
    for number, trace in zip(recording.numbers, recording, strict=True):
        assert trace.step == number
        if number < len(told):  # the last one may have been killed half way
            is_paused = trace.status is Status.OPEN and number == last
            assert is_paused or trace.status is Status.COMPLETE
            check_step(trace, expected[number])
    lost = told[last + 1 :]
    age_ns = killed_ns - lost[0] if lost else 0
    moments = [*told[-10:], killed_ns]
    return Outcome(
        len(told),
        len(recording),
        recording.thinned,
        len(lost),
        max(0, age_ns) / 1e6,
        max(b - a for a, b in pairwise(moments)) / 1e6,
    )


def check_step(trace: Trace, step: Step) -> None:
    """Compare a recorded step with what it must have computed."""
    seen = trace.value_of(trace.resolve("loss").id)
    assert seen is not None
    assert seen.data is not None
    assert seen.data.tobytes() == step.loss, f"step {trace.step}: another loss"
    for name, bits in zip(NAMES, step.weights, strict=True):
        after = trace.updated_to(trace.resolve(name).id)
        assert after is not None
        assert after.data is not None
        assert after.data.tobytes() == bits, f"step {trace.step}: another {name}"


def run(count: int, seed: int) -> dict[str, list[Outcome]]:
    """Kill `count` trainings, one after the other."""
    torch.set_num_threads(1)
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets
    import_module("torch._dynamo")  # an optimizer's first step would, in every child
    import_module("graphscope.capture.recorder")
    expected = expected_steps(MOST_STEPS)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in PACES}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            name = list(PACES)[number % len(PACES)]
            path = Path(folder) / f"{number}.gscope"
            found = kill_once(path, PACES[name], rng.uniform(0, 1.5), expected)
            outcomes[name].append(found)
            for file in Path(folder).iterdir():
                file.unlink()
    return outcomes


def report(outcomes: dict[str, list[Outcome]], limit_ms: float) -> int:
    """Print what was lost, and return how many kills lost more than `limit_ms`."""
    print(
        f"{'pace':16} kills  steps  thinned  lost steps  oldest lost, ms: p50 p90 max"
    )
    for name, found in outcomes.items():
        ages = sorted(o.lost_ms for o in found) or [0.0]
        print(
            f"{name:16} {len(found):5}  {sum(o.told for o in found):5}"
            f"  {sum(o.thinned for o in found):7}  {sum(o.lost for o in found):10}"
            f"  {ages[len(ages) // 2]:20.1f} {ages[len(ages) * 9 // 10]:.1f}"
            f" {ages[-1]:.1f}"
        )
    every = [o for found in outcomes.values() for o in found]
    tens = Counter(int(o.lost_ms // 10) * 10 for o in every)
    print("lost ms:", " ".join(f"{ms}+:{n}" for ms, n in sorted(tens.items())))
    late = 0
    for name, found in outcomes.items():
        for one in (o for o in found if o.lost_ms > limit_ms):
            late += 1
            print(
                f"late: {name}, {one.lost} steps, {one.lost_ms:.0f} ms;"
                f" the last steps were up to {one.gap_ms:.0f} ms apart"
            )
    print(f"{len(every)} kills, {late} lost more than the last {limit_ms:.0f} ms")
    return late


def main() -> None:
    """Read the arguments and run."""
    given = read_arguments(__doc__)
    sys.exit(min(1, report(run(given.count, given.seed), given.limit_ms)))


if __name__ == "__main__":
    main()
