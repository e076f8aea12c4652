"""A learning rate that is too large: the loss explodes from step to step.

Growth alone is no evidence: data differ from step to step, and a loss may be meant to
grow. What shows that the steps are too long is that the gradient turns round and grows
with every update, or that on the very same data each update goes against the gradient
and still makes the loss larger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, isfinite, log10
from typing import Final

from graphscope.analysis.evidence.updating import update_site
from graphscope.analysis.evidence.wording import amount, begin, listing, name_and_place
from graphscope.analysis.traps.descent import (
    Update,
    change_of,
    follow_update,
    norm,
    numbers_of,
)
from graphscope.analysis.traps.explosion import (
    PATIENCE,
    RISES,
    Losses,
    has_exploded,
    rising_runs,
)
from graphscope.analysis.why.size.summed import find_summed_loss
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Trace

_LOOKED_AT: Final = 5
_STEADY: Final = 2.0
_DIGITS: Final = 2

Steps = Recording | Sequence[Trace]


@dataclass(frozen=True, slots=True)
class _Explosion:
    """A run of rises: its losses from the first on, the updates that made them."""

    losses: Losses
    updates: Sequence[Update]

    @property
    def first(self) -> Trace:
        """The step in which it begins."""
        return self.updates[0].first


def find_learning_rate_trap(steps: Steps, losses: Losses) -> Finding | None:
    """Return a finding when the loss explodes because the updates are too large."""
    for start, end in rising_runs(losses):
        if not has_exploded(losses, start, end):
            continue
        found = _look_at(steps, losses, start, end)
        if found is not None:
            evidence = _turning(found.updates) or _going_down(found.updates)
            if evidence:
                summed = find_summed_loss(found.updates, _growth(found))
                return summed or _finding(found, evidence)
    return None


def _look_at(steps: Steps, losses: Losses, start: int, end: int) -> _Explosion | None:
    """Read the first steps of a run; None when it was no explosion after all."""
    since = 0
    updates = _read_updates(steps, losses, start, end)
    if updates and updates[0] is None:  # the step before it is of another training
        start = since = start + 1
        updates = updates[1:]
    known = [update for update in updates if update is not None]
    is_whole = len(known) == len(updates) >= RISES - 1
    if not is_whole or not has_exploded(losses, start, end, since=since):
        return None
    if _recovers(steps, losses, end, losses[start] or 0.0):
        return None
    return _Explosion(losses[start:], known)


def _read_updates(
    steps: Steps, losses: Losses, start: int, end: int
) -> list[Update | None]:
    stop = min(start + _LOOKED_AT, end) + 1
    traces = [steps[i] for i in range(start, stop) if isfinite(losses[i] or 0.0)]
    return [follow_update(first, second) for first, second in pairwise(traces)]


def _recovers(steps: Steps, losses: Losses, end: int, level: float) -> bool:
    """Whether the same training comes back to where the run began."""
    for position in range(end, min(end + PATIENCE, len(losses) - 1)):
        if follow_update(steps[position], steps[position + 1]) is None:
            return False
        after = losses[position + 1]
        if after is not None and after <= level:
            return True
    return False


def _turning(updates: Sequence[Update]) -> str:
    """Say that each update turned the gradient round, if it did."""
    if not all(update.turns_round for update in updates):
        return ""
    vectors = [updates[0].gradient, *(update.turned for update in updates)]
    norms = [amount(norm(v)) for v in vectors[: RISES + 1] if v is not None]
    return (
        "With every update the gradient turns round and grows; its norm is "
        f"{listing(norms)}. So every update jumps over the minimum and lands further "
        "away on the other side."
    )


def _going_down(updates: Sequence[Update]) -> str:
    """Say that each update went downhill on the same data, if it did."""
    if not all(update.has_same_data and update.goes_downhill for update in updates):
        return ""
    return (
        "The data are the same in these steps, and every update goes against the "
        "gradient; still the loss is larger after it: the updates go too far."
    )


def _finding(found: _Explosion, evidence: str) -> Finding:
    last, rate = found.updates[-1].second, found.updates[0].rate
    root = last.graph.roots[-1] if last.graph.roots else None
    loss = "The loss" if root is None else begin(name_and_place(last, root))
    which = (
        "The updates are" if rate is None else f"The learning rate {amount(rate)} is"
    )
    return Finding(
        kind="learning-rate-too-large",
        title=f"{which} too large: the loss explodes",
        explanation=(
            f"{loss} is {_growth(found)}. {evidence}{_first_update(found.updates[0])}"
        ),
        remedy=_remedy(found.updates, rate),
        step=last.step,
        site=update_site(found.first),
        values=(
            *(() if root is None else (root,)),
            *(after.value for _, after in found.updates[-1].leaves),
        ),
    )


def _growth(found: _Explosion) -> str:
    begin = found.first.step
    shown = [n for n in found.losses[: RISES + 1] if n is not None]
    finite = [n for n in shown if isfinite(n)]
    factor = (finite[-1] / finite[0]) ** (1 / (len(finite) - 1))
    text = (
        f"{listing([amount(n) for n in shown])} in steps {begin} to "
        f"{begin + len(shown) - 1}, about {amount(float(f'{factor:.2g}'))} times as "
        "much in each step as in the one before"
    )
    for later, number in enumerate(found.losses):
        if number is not None and not isfinite(number):
            end = f", and {amount(number)} in step {begin + later}"
            return text if later < len(shown) else text + end
    return text


def _first_update(update: Update) -> str:
    """Say how far the first update moved a parameter, where it is further than all."""
    for leaf, _ in update.leaves:
        moved, before = change_of(leaf), numbers_of(leaf.before)
        if moved is None or before is None or not norm(moved) > norm(before) > 0:
            continue
        what = f"`{leaf.name}`, whose norm was {amount(norm(before))},"
        return f" The first of them moved {what} by {amount(norm(moved))}."
    return ""


def _remedy(updates: Sequence[Update], rate: float | None) -> str:
    highest = _curvature(updates)
    if highest is None or rate is None or not 2 / rate < highest:
        return "Use a smaller learning rate, or scale the inputs to a range around 1."
    measured = amount(highest)
    return (
        f"Use a learning rate below about {round_down(2 / highest)}: along the "
        f"updates the gradient changes by {measured} for each unit of the way, and "
        f"gradient descent diverges from 2 / {measured} on. Inputs scaled to a range "
        "around 1 allow a larger one."
    )


def _curvature(updates: Sequence[Update]) -> float | None:
    """Return the curvature along the updates, None where it is not the same in all.

    Where it grows with every jump, as in a network, the loss is no parabola, and what
    was measured on the way out says nothing about where it began.
    """
    found = [update.curvature for update in updates]
    known = [curvature for curvature in found if curvature is not None]
    if len(known) < len(found) or not 0 < max(known) <= _STEADY * min(known):
        return None
    return max(known)


def round_down(number: float) -> str:
    """Write a bound with two digits, never above it.

    >>> round_down(0.000268), round_down(0.13), round_down(2.0), round_down(250.0)
    ('0.00026', '0.13', '2', '250')
    """
    exponent = floor(log10(number))
    digits = floor(number / 10.0 ** (exponent - _DIGITS + 1) + 1e-9)
    text = f"{digits * 10.0 ** (exponent - _DIGITS + 1):.{max(1 - exponent, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
