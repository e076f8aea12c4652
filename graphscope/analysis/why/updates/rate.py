"""Learning rates of 0: from the beginning on, or since a schedule has come to its end.

A single update with 0 is none: a warm-up may begin there, and a schedule may end there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.reading import scalar_of
from graphscope.analysis.evidence.updating import rate_constants, update_site
from graphscope.analysis.evidence.wording import amount, count, where
from graphscope.analysis.why.updates.look import Look, Run
from graphscope.analysis.why.updates.schedules import find_schedule
from graphscope.model.finding import Finding
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_FROM_THE_START: Final = 2
_AT_THE_END: Final = 3
_BEFORE: Final = "initial_lr"


@dataclass(slots=True)
class _Followed:
    """The learning rate of one optimizer over the steps.

    Attributes:
        run: Its update; None for one by hand.
        trace: The first step of those with 0 at the end.
        updates: How many updates there were.
        zeros: How many of the last ones had 0.
        before: The last rate that was not 0.
        initial: The rate that a schedule begins from, None without a schedule.
        constants: By hand: the values that gradients are multiplied by.
    """

    run: Run | None
    trace: Trace
    updates: int = 0
    zeros: int = 0
    before: float = 0.0
    initial: float | None = None
    constants: tuple[int, ...] = ()


class RatePart:
    """Follows the learning rates of all optimizers."""

    def __init__(self) -> None:
        self._followed: dict[object, _Followed] = {}
        self._constants: dict[int, tuple[int, ...]] = {}

    def see(self, trace: Trace, look: Look) -> None:
        """Read the rates of a step: mostly one number for each optimizer."""
        for run in look.runs:
            if run.rates and run.moved:
                one = self._followed.get(run.key)
                if one is None:
                    one = self._followed[run.key] = _Followed(run, trace)
                    one.initial = _number(trace, _initial(run))
                self._note(one, trace, _highest(trace, run))
        if not look.runs:
            self._see_by_hand(trace, look)

    def _see_by_hand(self, trace: Trace, look: Look) -> None:
        constants = self._constants.get(look.number)
        if constants is None:
            constants = self._constants[look.number] = rate_constants(look.graph)
        if not constants:
            return
        one = self._followed.get(None)
        if one is None:
            one = self._followed[None] = _Followed(None, trace)
        rates = [scalar_of(trace, value) for value in constants]
        one.constants = constants
        self._note(one, trace, max((abs(r) for r in rates if r is not None), default=1))

    def _note(self, one: _Followed, trace: Trace, rate: float | None) -> None:
        one.updates += 1
        if rate != 0:
            one.zeros, one.before = 0, rate or 0.0
            return
        if not one.zeros:
            one.trace = trace
        one.zeros += 1

    def finish(self) -> Iterator[Finding]:
        """Tell of the optimizers whose last updates did nothing for their rate."""
        for one in self._followed.values():
            is_always = one.zeros == one.updates
            if one.zeros >= (_FROM_THE_START if is_always else _AT_THE_END):
                yield _tell(one)


def _highest(trace: Trace, run: Run) -> float | None:
    """Return the largest learning rate of an update's groups; the first, if not 0."""
    found = None
    for slot in run.rates:
        number = _number(trace, slot)
        if number is None or number != 0:
            return number
        found = number
    return found


def _number(trace: Trace, slot: int | None) -> float | None:
    seen = None if slot is None else trace.seen(slot)
    number = None if seen is None else seen.scalar
    return None if number is None or isinstance(number, complex) else float(number)


def _initial(run: Run) -> int | None:
    return run.hyper.get(_BEFORE, run.hyper.get(f"{_BEFORE}[0]"))


def _tell(one: _Followed) -> Finding:
    trace, run = one.trace, one.run
    update = update_site(trace) if run is None else run.site
    schedule = None if one.initial is None else find_schedule(trace.sources, update)
    is_always = one.zeros == one.updates
    return Finding(
        kind="zero-lr",
        title=(
            "The learning rate is 0: no update changes anything"
            if is_always
            else f"The learning rate is 0 from step {trace.step} on"
        ),
        explanation=_explanation(one, update, schedule),
        remedy=_remedy(one, schedule),
        step=trace.step,
        site=schedule or (update if run is None else run.place),
        values=one.constants
        if run is None
        else tuple(moved.first for moved in run.moved),
        numbers=(("lr", 0.0), ("lr before", one.before)),
    )


def _explanation(one: _Followed, update: Site | None, schedule: Site | None) -> str:
    what = f"the update{where(update)}"
    if one.run is not None:
        what = f"the update of {one.run.class_name}{where(update)}"
    if one.zeros < one.updates:
        by = "something" if one.initial is None else "the schedule"
        return (
            f"Until step {one.trace.step - 1} the learning rate of {what} is above 0, "
            f"{amount(one.before)} at last; then {by}{where(schedule)} has brought it "
            f"down to 0, while the training goes on: the last "
            f"{count(one.zeros, 'update')} of {one.updates:,} multiply the gradients "
            "by 0, and no parameter changes any more."
        )
    text = (
        f"In all {one.updates:,} steps {what} multiplies the gradients by a learning "
        "rate of 0, so no parameter ever changes."
    )
    if one.initial:
        text += (
            f" The optimizer was made with {amount(one.initial)}, so it is the "
            f"schedule{where(schedule)} that makes 0 of it."
        )
    return text


def _remedy(one: _Followed, schedule: Site | None) -> str:
    if one.zeros < one.updates:
        return (
            f"Let the schedule{where(schedule)} be as long as the training: count "
            "what `step()` of it counts, batches or epochs, or give it a lowest rate "
            "above 0."
        )
    if one.initial:
        return (
            f"Let the schedule{where(schedule)} return a factor above 0: `/` in place "
            "of `//`, or `(step + 1) / warmup`."
        )
    if one.run is not None:
        return f"Give the optimizer{where(one.run.made_by)} a learning rate above 0."
    return (
        "Give the update a learning rate above 0; where it was divided by `//`, which "
        "rounds down to 0, write `/`."
    )
