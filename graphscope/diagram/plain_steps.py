"""Did an optimizer follow the lectures' rule, θ ← θ − ηL′? Read off its numbers.

An optimizer's name says little (momentum, weight decay, clipping), so the rule is
only written where old value, gradient and learning rate give the new value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from graphscope.model.graph import Event, Role
from graphscope.model.numbers import format_number
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace

_RATE: Final = "lr"
_ROUNDINGS: Final = 8.0


@dataclass(frozen=True, slots=True)
class PlainStep:
    """An update of one parameter that was old − rate · gradient."""

    rate: float
    gradient: Observation

    def in_numbers(
        self, before: Observation | None, after: Observation | None
    ) -> str | None:
        """Write the rule of a single number, `−0.34 − 0.01 · (−151.929) = 1.1793`.

        None for a vector, and where digits would hide what happened.
        """
        numbers = [
            seen.scalar if seen is not None else None
            for seen in (before, self.gradient, after)
        ]
        real = [n for n in numbers if isinstance(n, int | float)]
        if len(real) < len(numbers):
            return None
        old, gradient, new = real
        texts = format_number(old), format_number(gradient), format_number(new)
        if texts[0] == texts[2] and gradient:
            return None
        factor = f"({texts[1]})" if texts[1].startswith("−") else texts[1]
        return f"{texts[0]} − {format_number(self.rate)} · {factor} = {texts[2]}"


PlainSteps = Mapping[int, PlainStep | None]
"""Parameter -> its plain step, None where the update was something else."""


def plain_steps(trace: Trace, event: Event) -> PlainSteps:
    """Return for each parameter that an update changed the plain step, if it was one.

    Parameters whose numbers were not kept whole are left out.
    """
    slots = [(i, trace.graph.slots[i]) for i in range(*event.slots)]
    rates = {
        seen.scalar
        for index, slot in slots
        if slot.role is Role.HYPER and slot.label == _RATE
        for seen in [trace.seen(index)]
        if seen is not None
    }
    found: dict[int, PlainStep | None] = {}
    for index, slot in slots:
        if slot.role is not Role.UPDATED or slot.value is None:
            continue
        before, after = value_before(trace, slot.value, index), trace.seen(index)
        gradient = _gradient_used(trace, event, slot.value)
        known = [before, after, gradient]
        if any(seen is None or seen.data is None for seen in known):
            continue
        found[slot.value] = next(
            (
                PlainStep(float(rate), gradient)
                for rate in rates
                if isinstance(rate, int | float)
                and gradient is not None
                and _is_plain(before, after, gradient, float(rate))
            ),
            None,
        )
    return found


def value_before(trace: Trace, value: int, slot: int) -> Observation | None:
    """Return the parameter as it was last seen before `slot`."""
    roles = (Role.VALUE, Role.UPDATED)
    slots = trace.graph.value_slots.get(value, ())
    earlier = [s for s in slots if s < slot and trace.graph.slots[s].role in roles]
    return trace.seen(earlier[-1]) if earlier else None


def _gradient_used(trace: Trace, event: Event, value: int) -> Observation | None:
    """Return `.grad` as the update used it: after clipping, unscaling, a hook."""
    used = [
        index
        for index in range(*event.slots)
        if trace.graph.slots[index].role is Role.USED
        and trace.graph.slots[index].value == value
    ]
    if used:
        return trace.seen(used[-1])
    after = [
        slot
        for slot in trace.slots_of(value, Role.AFTER)
        if trace.graph.slots[slot].event < event.index
    ]
    return trace.seen(after[-1]) if after else None


def _is_plain(
    before: Observation | None,
    after: Observation | None,
    gradient: Observation,
    rate: float,
) -> bool:
    if before is None or after is None:
        return False
    old, new, slope = before.data, after.data, gradient.data
    if old is None or new is None or slope is None or old.shape != slope.shape:
        return False
    if old.dtype.kind != "f" or not np.isfinite(old).all():
        return False
    wide = old.astype(np.float64)
    change = rate * slope.astype(np.float64)
    if not np.isfinite(change).all():
        return False
    if np.isin(np.abs(slope), (0.0, 1.0)).all():
        return False  # optimizers that normalise gradients (Adam) do the same there
    epsilon = float(np.finfo(old.dtype).eps)
    allowed = _ROUNDINGS * epsilon * (np.abs(wide) + np.abs(change))
    return bool((np.abs(wide - change - new) <= allowed).all())
