"""Memory: the peak of a large step, and what 10,000 small ones leave behind."""

import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from torch import nn

from tests.bench.clock import middle
from tests.bench.processes import ChildError, run_child
from tests.bench.works import make_job

_PEAK_GOAL: Final = 1.05
_PEAK_STEPS: Final = 6
_GROWTH_GOAL_MIB: Final = 20.0
_GROWTH_STEPS: Final = 10_000
_SETTLED: Final = 100
_CHILD_S: Final = 1800.0


def run_peak(work: str, *, traced: bool) -> dict[str, float]:
    """In a child: train a few steps; return its memory before, and its peak, in MiB."""
    job = make_job(work)
    step = job.make_step()
    with _recorded(job.model, traced=traced):
        start_mib = _resident_mib()
        for _ in range(_PEAK_STEPS):
            step()
    return {"start_mib": start_mib, "peak_mib": _peak_mib()}


def run_growth(*, traced: bool) -> dict[str, list[float]]:
    """In a child: train 10,000 steps of the MLP; return its memory in MiB."""
    job = make_job("mlp")
    step = job.make_step()
    found = []
    with _recorded(job.model, traced=traced):
        for done in range(1, _GROWTH_STEPS + 1):
            step()
            if done == _SETTLED or done % 1000 == 0:
                found.append(_resident_mib())
    return {"resident_mib": found}


@contextmanager
def _recorded(model: nn.Module, *, traced: bool) -> Iterator[None]:
    if not traced:  # graphscope is not even imported
        yield
        return
    import graphscope as gs

    with (
        tempfile.TemporaryDirectory() as folder,
        gs.record(Path(folder) / "memory.gscope", model),
    ):
        yield


def _peak_mib() -> float:
    """Return the peak of this process.

    `ru_maxrss` of a process starts at what its parent had, so it is the second choice.
    """
    found = _status_mib("VmHWM")
    if found is not None:
        return found
    per_mib = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mib


def _resident_mib() -> float:
    found = _status_mib("VmRSS")
    return _peak_mib() if found is None else found


def _status_mib(field: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux
        return None
    found = [line.split()[1] for line in lines if line.startswith(field + ":")]
    return int(found[0]) / 1024 if found else None


def measure_memory(threads: int, rounds: int) -> None:
    """Print both, bare beside traced."""
    print("\nmemory, each run in a process of its own")
    try:
        _measure_peak(threads, rounds)
        _measure_growth(threads)
    except ChildError as problem:
        print(f"  failed: {problem}")


def _measure_peak(threads: int, rounds: int) -> None:
    starts: dict[bool, list[float]] = {False: [], True: []}
    peaks: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for traced, found in peaks.items():
            asked = {"work": "resnet50", "traced": traced}
            measured = run_child("peak", threads, _CHILD_S, **asked)
            found.append(measured["peak_mib"])
            starts[traced].append(measured["start_mib"])
    print(f"  {_PEAK_STEPS} steps of the ResNet-50 shape, {rounds} run(s) each")
    for label, is_traced in (("bare", False), ("traced", True)):
        print(
            f"    {label:7} before {_mib(starts[is_traced])}   "
            f"peak {_mib(peaks[is_traced])}"
        )
    ratio = middle(peaks[True]) / middle(peaks[False])
    verdict = _verdict(met=ratio <= _PEAK_GOAL)
    print(f"    peak, traced / bare: {ratio:.3f}   <= {_PEAK_GOAL} {verdict}")


def _measure_growth(threads: int) -> None:
    print(f"  {_GROWTH_STEPS:,} steps of the MLP, from step {_SETTLED} on")
    for label, is_traced in (("bare", False), ("traced", True)):
        sizes = run_child("growth", threads, _CHILD_S, traced=is_traced)["resident_mib"]
        _print_growth(label, sizes, judged=is_traced)


def _print_growth(label: str, sizes: Sequence[float], *, judged: bool) -> None:
    growth = sizes[-1] - sizes[0]
    by_thousand = ", ".join(f"{size - sizes[0]:+.1f}" for size in sizes[1:])
    verdict = _verdict(met=growth <= _GROWTH_GOAL_MIB)
    goal = f"   <= {_GROWTH_GOAL_MIB:.0f} {verdict}" if judged else ""
    print(f"    {label:7} {sizes[0]:7.1f} MiB, then {growth:+.1f} MiB{goal}")
    print(f"            by thousand: {by_thousand}")


def _mib(values: Sequence[float]) -> str:
    return f"{middle(values):7.1f} MiB ({min(values):.1f}-{max(values):.1f})"


def _verdict(*, met: bool) -> str:
    return "met" if met else "MISSED"
