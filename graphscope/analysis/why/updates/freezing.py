"""Parameters that are frozen by the way although their optimizer trains them.

To freeze before the training, or from one phase to the next, is a choice. What is
frozen after its first update, or by code that only evaluates, and never trained again
although its optimizer goes on, was left behind.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.wording import count, listing, one_line, where
from graphscope.analysis.why.updates.look import Look, Run
from graphscope.model.finding import Finding
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_EVALUATING: Final = re.compile(
    r"_*(?:(?:eval|evaluate|evaluation|valid|validate|validation|predict|prediction|"
    r"infer|inference|sample|visuali[sz]e|plot)(?:_\w+)?|"
    r"test(?:_(?:model|net|epoch|step|loop|one_epoch))?)",
    re.IGNORECASE,
)
_CALLERS: Final = 2
_UPDATES: Final = 2


@dataclass(slots=True)
class _Frozen:
    """A parameter that was frozen when its own optimizer ran.

    Attributes:
        label: What it is called.
        value: Its id in that step's graph, if it has one.
        run: The update that passed it over first.
        trace: The step of it.
        site: The line that froze it.
        trained: How many updates it had had before: none, one, or more.
        updates: How many updates of its optimizer have passed it over.
    """

    label: str
    value: int | None
    run: Run
    trace: Trace
    site: Site
    trained: int
    updates: int = 0


@dataclass(slots=True)
class _Plan:
    """What is looked at in an update; the first `steps` of them are counted."""

    run: Run
    trained: tuple[str, ...]
    has_frozen: bool
    steps: int = 0


class FreezingPart:
    """Follows the frozen parameters that optimizers hold."""

    def __init__(self) -> None:
        self._trained: dict[str, int] = {}
        self._frozen: dict[str, _Frozen] = {}
        self._plans: dict[int, list[_Plan]] = {}

    def see(self, trace: Trace, look: Look) -> None:
        """Count the updates of each parameter, and those that passed it over."""
        plan = self._plans.get(look.number)
        if plan is None:
            plan = self._plans[look.number] = [*map(_plan_of, look.runs)]
        for one in plan:
            if one.steps < _UPDATES or self._frozen:
                one.steps += 1
                self._note_trained(one.trained)
            if one.has_frozen:
                self._note_frozen(trace, look, one.run)

    def _note_trained(self, labels: Sequence[str]) -> None:
        for label in labels:
            self._trained[label] = self._trained.get(label, 0) + 1
            self._frozen.pop(label, None)

    def _note_frozen(self, trace: Trace, look: Look, run: Run) -> None:
        for held in run.held:
            if held.requires_grad or not held.name:
                continue
            known = self._frozen.get(held.name)
            if known is None:
                site = look.set_by(held)
                if site is None:
                    continue
                trained = self._trained.get(held.name, 0)
                known = _Frozen(held.name, held.value, run, trace, site, trained)
                self._frozen[held.name] = known
            known.updates += 1

    def finish(self) -> Iterator[Finding]:
        """Tell of what was frozen by the way, once for each line that did."""
        lines: dict[Site, list[_Frozen]] = {}
        for one in self._frozen.values():
            is_early = one.trained == 1
            if one.updates >= _UPDATES and (is_early or is_evaluating(one.site)):
                lines.setdefault(one.site, []).append(one)
        for frozen in lines.values():
            yield _tell(frozen)


def _plan_of(run: Run) -> _Plan:
    trained = tuple(moved.label for moved in run.moved)
    return _Plan(run, trained, any(not held.requires_grad for held in run.held))


def is_evaluating(site: Site) -> bool:
    """Whether a line is in code that only evaluates, by the names of its functions."""
    callers = [frame.function for frame in site.stack[:_CALLERS]]
    names = (name.rpartition(".")[2] for name in (site.function, *callers))
    return any(map(_EVALUATING.fullmatch, names))


def _tell(frozen: Sequence[_Frozen]) -> Finding:
    first = min(frozen, key=lambda one: one.trace.step)
    names = listing([f"`{one.label}`" for one in frozen])
    is_one = len(frozen) == 1
    before = ""
    if first.trained:
        until = f"until step {first.trace.step - 1}"
        before = f"{'was' if is_one else 'were'} trained {until}, and then "
    function = first.site.function.rpartition(".")[2]
    by = "" if function in ("<module>", "") else f", in `{function}`,"
    at = first.site.short
    return Finding(
        kind="frozen-update",
        title=f"{names} {'stays' if is_one else 'stay'} frozen while the training goes "
        "on",
        explanation=(
            f"{names} {before or ('was ' if is_one else 'were ')}frozen at {at}{by} by "
            f"`{one_line(first.site.expression)}`. The {first.run.class_name}"
            f"{where(first.run.place)} holds {'it' if is_one else 'them'} and goes on: "
            f"from step {first.trace.step} on it has passed "
            f"{'it' if is_one else 'them'} over in {count(first.updates, 'update')}, "
            "since what is frozen gets no gradient."
        ),
        remedy=(
            f"Set `requires_grad` back to True after {at}, or leave that line out: "
            "`torch.no_grad()` is enough to compute without gradients."
        ),
        step=first.trace.step,
        site=first.site,
        values=tuple(
            one.value
            for one in frozen
            if one.value is not None and one.trace is first.trace
        ),
        numbers=(("updates that passed it over", first.updates),),
    )
