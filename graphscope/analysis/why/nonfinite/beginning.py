"""Parameters that are NaN when the recording begins, or after steps that it lacks."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from graphscope.analysis.evidence.facts import UNWRITTEN, Facts, plain_name
from graphscope.analysis.evidence.wording import (
    begin,
    listing,
    name_and_place,
    name_value,
    site_of,
    where,
)
from graphscope.analysis.why.nonfinite.given import unwritten
from graphscope.analysis.why.nonfinite.harm import HarmfulSlots
from graphscope.analysis.why.nonfinite.spread import kind_of
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, Role
from graphscope.model.observation import Array
from graphscope.model.packed import PackedNumbers, nonfinite_slots
from graphscope.model.trace import Trace


class BeginningCheck:
    """Tells once of parameters that became NaN where the recording does not show it."""

    def __init__(self) -> None:
        self._is_done = False
        self._last: int | None = None
        self._known: tuple[Facts, HarmfulSlots] | None = None

    def see(self, trace: Trace, facts: Facts) -> Iterable[Finding]:
        """Look at the next step."""
        seen = trace.observations
        is_fine = isinstance(seen, PackedNumbers) and seen.is_finite
        if self._is_done or is_fine or not nonfinite_slots(seen):
            self._last = trace.step
            return ()
        harmful = self._harmful(facts)
        bad = nonfinite_slots(seen)
        begun = sorted(harmful.beginnings.intersection(bad))
        if begun:
            self._is_done = True
            return (tell_beginning(trace, begun, self._last),)
        self._is_done = not harmful.updates.isdisjoint(bad)
        self._last = trace.step
        return ()

    def finish(self) -> Iterable[Finding]:
        """Return nothing: it is told at once."""
        return ()

    def _harmful(self, facts: Facts) -> HarmfulSlots:
        if self._known is None or self._known[0] is not facts:
            self._known = facts, HarmfulSlots(facts)
        return self._known[1]


@dataclass(frozen=True, slots=True)
class _Unwritten:
    """The op that reserved the memory that a parameter still is."""

    op: Op
    value: int


def tell_beginning(trace: Trace, begun: list[int], last: int | None) -> Finding:
    """Return the finding about parameters that a step begins with.

    Args:
        trace: The step.
        begun: Their slots.
        last: The step that was seen before it, None for the first.
    """
    values = [v for s in begun if (v := trace.graph.slots[s].value) is not None]
    main = values[0]
    what = kind_of(trace.seen(begun[0]))
    is_gradient = trace.graph.slots[begun[0]].role is Role.BEFORE
    names = listing([f"{name_value(trace, v)}" for v in dict.fromkeys(values)])
    subject = f"{'`.grad` of ' if is_gradient else ''}{names}"
    verb = "is" if len(set(values)) == 1 else "are"
    source = None if is_gradient else _reserved(trace, begun[0])
    if source is not None:
        return _tell_unwritten(trace, values, source, what)
    return Finding(
        kind="nan" if what == "NaN" else "inf",
        title=f"{begin(subject)} {verb} {what} when the step begins",
        explanation=(
            f"{begin(subject)} {verb} {what} already when step {trace.step} begins"
            f"{where(site_of(trace, main))}: what this step computes with "
            f"{'it' if verb == 'is' else 'them'} can only be {what} too."
        ),
        remedy=(
            "Record from the beginning, with every step, and look where it becomes "
            f"{what}."
        ),
        step=trace.step,
        site=site_of(trace, main),
        values=tuple(dict.fromkeys(values)),
        unknown=(f"Cannot tell what made it {what} because {_gap(trace, last)}.",),
    )


def _gap(trace: Trace, last: int | None) -> str:
    if last is None:
        return "it happened before the recording begins"
    if last + 1 == trace.step:
        return f"it happened between steps {last} and {trace.step}, unseen"
    first = last + 1
    if first == trace.step - 1:
        return f"step {first} is not in the recording"
    return f"steps {first} to {trace.step - 1} are not in the recording"


def _reserved(trace: Trace, slot: int) -> _Unwritten | None:
    """Return the op that reserved a parameter's memory, by the very same numbers."""
    seen = trace.seen(slot)
    if seen is None or seen.data is None:
        return None
    for op in trace.graph.ops:
        if plain_name(op) not in UNWRITTEN or not op.outputs:
            continue
        made = trace.value_of(op.outputs[0])
        if (
            made is not None
            and made.data is not None
            and _is_same(made.data, seen.data)
        ):
            return _Unwritten(op, op.outputs[0])
    return None


def _is_same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=True))


def _tell_unwritten(
    trace: Trace, values: list[int], source: _Unwritten, what: str
) -> Finding:
    mechanism = unwritten(plain_name(source.op))
    name = name_value(trace, values[0])
    seen = trace.value_of(source.value)
    count = 0 if seen is None or seen.stats is None else seen.stats.nans
    total = 0 if seen is None or seen.stats is None else seen.stats.numel
    return Finding(
        kind="nan" if what == "NaN" else "inf",
        title=f"{begin(name)} holds {what}: {mechanism.name}",
        explanation=(
            f"{begin(name_and_place(trace, values[0]))} holds {what} before anything "
            f"is computed with it: it is what torch.{plain_name(source.op)}"
            f"{where(source.op.site)} gave, which reserves memory and leaves in it "
            "whatever was there before."
        ),
        remedy=mechanism.remedy,
        step=trace.step,
        site=source.op.site,
        values=tuple(dict.fromkeys([*values, source.value])),
        ops=(source.op.id,),
        numbers=((f"numbers that are {what}", float(count)), ("numbers", float(total))),
    )
