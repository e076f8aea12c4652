"""`make bench`: what capture, recording and the terminal UI cost on this machine."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

import graphscope as gs
from tests.bench.capturing import house_prices, measure_capture
from tests.bench.debugging import measure_debugger
from tests.bench.findings import measure_findings
from tests.bench.hotspots import print_hot_spots
from tests.bench.idle import measure_idle
from tests.bench.interface import measure_interface
from tests.bench.machine import describe_machine
from tests.bench.memory import measure_memory
from tests.bench.peers import print_peers
from tests.bench.report import print_head, print_rounds
from tests.bench.rounds import measure
from tests.bench.stepping import measure_stepping
from tests.bench.works import WORKS


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asked for.

    Attributes:
        rounds: Rounds of every work, None for each one's own number.
        threads: Threads that torch computes with.
    """

    rounds: int | None
    threads: int


def _measure_regression(_settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure_capture(Path(folder))


def _measure_interface(_settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "thousand.gscope"
        step = house_prices()
        with gs.record(recording):
            for _ in range(1000):
                step()
        size_kib = recording.stat().st_size / 1024
        print(f"\n1,000 steps of the 4-sample regression: {size_kib:.0f} KiB")
        measure_interface(recording)


def _measure_structure(settings: Settings) -> None:
    work = replace(WORKS["mlp"], goal=1.5)
    options = {"stats": False, "local": False}
    rounds = measure("mlp", settings.rounds or work.rounds, options)
    print_rounds("MLP, structure only", work, rounds)


def _measure_idle(settings: Settings) -> None:
    measure_idle(settings.threads)


def _measure_memory(settings: Settings) -> None:
    measure_memory(settings.threads, settings.rounds or 3)


def _measure_findings(settings: Settings) -> None:
    measure_findings(settings.rounds)


def _measure_debugger(settings: Settings) -> None:
    measure_debugger(settings.rounds)


def _measure_stepping(settings: Settings) -> None:
    measure_stepping(settings.threads)


_PARTS: Final[Mapping[str, Callable[[Settings], None]]] = {
    "structure": _measure_structure,
    "idle": _measure_idle,
    "regression": _measure_regression,
    "interface": _measure_interface,
    "debugger": _measure_debugger,
    "stepping": _measure_stepping,
    "findings": _measure_findings,
    "memory": _measure_memory,
}
_ON_DEMAND: Final = {"memory"}  # it takes minutes


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = [*WORKS, *_PARTS]
    parser.add_argument(
        "--only", metavar="NAME[,NAME]", help=f"{', '.join(names)}; all but memory"
    )
    parser.add_argument("--rounds", type=int, help="of bare, traced, bare")
    parser.add_argument("--threads", type=int, default=1, help="that torch uses")
    parser.add_argument("--peers", action="store_true", help="also other tools")
    parser.add_argument("--profile", choices=tuple(WORKS), help="print hot spots")
    args = parser.parse_args()
    usual = [name for name in names if name not in _ON_DEMAND]
    args.only = args.only.split(",") if args.only else usual
    unknown = [name for name in args.only if name not in names]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(names)}")
    return args


def main() -> None:
    """Measure what was asked for, and say on what."""
    args = _parse()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    torch.set_num_threads(args.threads)
    print(describe_machine())
    if args.profile:
        print_hot_spots(args.profile)
        return
    settings = Settings(args.rounds, args.threads)
    if not {*WORKS, "structure"}.isdisjoint(args.only):
        print_head()
    for name in args.only:
        if name in WORKS:
            work = WORKS[name]
            rounds = measure(name, settings.rounds or work.rounds, {})
            print_rounds(work.title, work, rounds)
            if args.peers:
                print_peers(name, args.threads)
        else:
            _PARTS[name](settings)


if __name__ == "__main__":
    main()
