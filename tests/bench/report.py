"""Tables of ratios, with the goals beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from tests.bench.clock import Block, Spread, middle
from tests.bench.rounds import WARM_STEPS, Round
from tests.bench.works import GOAL_PER_OP_US, Work

LEGEND = """\
traced / bare of whole steps (forward, backward, update), written to a .gscope
  wall    the time that training takes; hears everything else on the machine
  CPU     the time that the process computes, the writer's thread too
  median  of the middle step of a block, over all rounds; (best and worst round)
  mean    of the average step, with all garbage collection; CPU: and closing the file
  A/A     bare / bare: what noise alone does in the same rounds
  goal    met, or MISSED; with ? where some rounds are on the other side of it\
"""


@dataclass(frozen=True, slots=True)
class _Clock:
    """One way to read a block, in seconds per step."""

    label: str
    median: Callable[[Block], float]
    mean: Callable[[Block], float]


_CLOCKS: Final = (
    _Clock("wall", lambda block: middle(block.wall), lambda block: fmean(block.wall)),
    _Clock("CPU", lambda block: middle(block.cpu), lambda block: block.cpu_mean),
)


def print_head() -> None:
    """Print the legend and the names of the columns."""
    print(f"\n{LEGEND}\n")
    print(f"{'':33}{'bare ms':>9} {'median':>19} {'mean':>7} {'A/A':>19}   goal")


def print_rounds(title: str, work: Work, rounds: Sequence[Round]) -> None:
    """Print one work: its ratios, and below what else is to be known of it."""
    for clock in _CLOCKS:
        ratio = Spread.of([found.ratio(clock.median) for found in rounds])
        noise = Spread.of([found.noise(clock.median) for found in rounds])
        mean = middle([found.ratio(clock.mean) for found in rounds])
        goal = f"<= {work.goal:.2f} {ratio.judge(work.goal)}" if work.goal else ""
        print(
            f"{title:28} {clock.label:4}{_bare_ms(rounds, clock.median):9.2f} "
            f"{ratio!s:>19} {mean:7.2f} {noise!s:>19}   {goal}"
        )
        title = ""
    for clock in _CLOCKS:
        if work.ops:
            _print_per_op(work.ops, rounds, clock)
    _print_first(rounds)
    _print_written(rounds)


def _print_per_op(ops: int, rounds: Sequence[Round], clock: _Clock) -> None:
    each = Spread.of([_added_us(found, clock.median) / ops for found in rounds])
    mean = middle([_added_us(found, clock.mean) / ops for found in rounds])
    print(
        f"    above bare, per op, {clock.label:4} {each} µs, mean {mean:.2f} µs   "
        f"<= {GOAL_PER_OP_US:.0f} {each.judge(GOAL_PER_OP_US)}"
    )


def _print_first(rounds: Sequence[Round]) -> None:
    bare = _bare_ms(rounds, _CLOCKS[0].median)
    cold = rounds[0].traced.warm[0] * 1e3
    later = [
        middle([one.traced.warm[place] * 1e3 for one in rounds[1:] or rounds])
        for place in range(WARM_STEPS)
    ]
    close = middle([one.traced.close_s for one in rounds]) * 1e3
    print(
        f"    first step {cold:.1f} ms (x {cold / bare:.1f}); of later recordings "
        f"{later[0]:.1f} ms, then {later[1]:.1f} ms; closing the file {close:.1f} ms"
    )


def _print_written(rounds: Sequence[Round]) -> None:
    written = rounds[-1].traced.written
    steps = len(rounds[-1].traced.block.wall)
    print(
        f"    {len(rounds)} rounds of {steps} steps; recorded: {written.ops:,} ops, "
        f"{written.nodes:,} backward nodes, "
        f"{written.bytes_per_step / 1024:,.1f} KiB a step"
    )
    complaints = [text for one in rounds for text in one.traced.written.complaints]
    for text in dict.fromkeys(complaints):
        print(f"    NOT A VALID MEASUREMENT: {text}")


def _added_us(found: Round, read: Callable[[Block], float]) -> float:
    bare = (read(found.before) + read(found.after)) / 2
    return (read(found.traced.block) - bare) * 1e6


def _bare_ms(rounds: Sequence[Round], read: Callable[[Block], float]) -> float:
    blocks = [block for one in rounds for block in (one.before, one.after)]
    return middle([read(block) for block in blocks]) * 1e3
