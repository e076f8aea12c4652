"""Boxes for what an optimizer did to the parameters."""

from collections.abc import Collection
from math import isfinite
from typing import Final

from graphscope.diagram.draft import OP, Moment
from graphscope.diagram.labels import title_of
from graphscope.diagram.model import Arrow, ArrowKind, Box, BoxKind, Line
from graphscope.diagram.plain_steps import PlainSteps, plain_steps, value_before
from graphscope.diagram.selection import Selection
from graphscope.model.graph import Event, Role, Slot
from graphscope.model.numbers import format_array, format_number, format_observation
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace

_SHOWN_PARAMETERS: Final = 6
_SHOWN_HYPERS: Final = 6
_SMALL: Final = 2
_FEW_DIGITS: Final = 6
_ALL_DIGITS: Final = 13


def update_boxes(selection: Selection) -> list[tuple[Moment, Box]]:
    """Return a box for each optimizer update of the drawn passes."""
    return [
        ((event.index, OP, -1, 0), _update_box(selection.trace, event))
        for event in selection.updates
    ]


def update_arrows(selection: Selection, drawn: Collection[str]) -> list[Arrow]:
    """Return an arrow from each drawn parameter to the update that changed it."""
    return [
        Arrow(f"v{value}", f"event{event.index}", ArrowKind.UPDATE, value=value)
        for event in selection.updates
        for value in event.values
        if f"v{value}" in drawn
    ]


def _update_box(trace: Trace, event: Event) -> Box:
    steps = plain_steps(trace, event)
    return Box(
        id=f"event{event.index}",
        kind=BoxKind.UPDATE,
        title=event.label or "update",
        lines=tuple(
            Line(text, event.index)
            for text in (
                *_hyper_texts(trace, event),
                *_rule_texts(steps),
                *_parameter_texts(trace, event, steps),
            )
        ),
        values=event.values,
        event=event.index,
        tooltip="" if event.site is None else str(event.site.short),
    )


def _slots(trace: Trace, event: Event, role: Role) -> list[tuple[int, Slot]]:
    numbered = ((i, trace.graph.slots[i]) for i in range(*event.slots))
    return [(index, slot) for index, slot in numbered if slot.role is role]


def _hyper_texts(trace: Trace, event: Event) -> list[str]:
    texts = dict.fromkeys(
        f"{slot.label} {format_observation(trace.seen(index))}"
        for index, slot in _slots(trace, event, Role.HYPER)
    )
    return _cut(list(texts), _SHOWN_HYPERS)


def _rule_texts(steps: PlainSteps) -> list[str]:
    """Write the lectures' rule where the numbers say that it was followed."""
    if not steps or None in steps.values():
        return []
    rates = {step.rate for step in steps.values() if step is not None}
    rate = format_number(rates.pop()) if len(rates) == 1 else "lr"
    return [f"θ ← θ − {rate} · L′"]


def _parameter_texts(trace: Trace, event: Event, steps: PlainSteps) -> list[str]:
    texts: list[str] = []
    for index, slot in _slots(trace, event, Role.UPDATED):
        if slot.value is None:
            continue
        before = value_before(trace, slot.value, index)
        step, after = steps.get(slot.value), trace.seen(index)
        title = title_of(trace, slot.value)
        numbers = None if step is None else step.in_numbers(before, after)
        texts.append(
            f"{title} {change_text(before, after)}"
            if numbers is None
            else f"{title} ← {numbers}"
        )
    return _cut(texts, _SHOWN_PARAMETERS)


def _cut(texts: list[str], limit: int) -> list[str]:
    if len(texts) <= limit:
        return texts
    return [*texts[:limit], f"+ {len(texts) - limit} more"]


def change_text(before: Observation | None, after: Observation | None) -> str:
    """Write a change: both numbers when small, the length of the vector otherwise.

    Numbers get as many more digits as it takes to tell them apart.
    """
    old, new = _number_of(before), _number_of(after)
    if before is None or old is None or new is None:
        start = "" if before is None else f"{_brief(before)} "
        return f"{start}→ {_brief(after)}"
    sign = "" if after is not None and _is_scalar(after) else "l2 "
    return f"{sign}{' → '.join(write_apart(old, new))}"


def write_apart(old: float, new: float) -> tuple[str, str]:
    """Write two numbers, with more digits when they would look the same.

    >>> write_apart(0.5, 0.5481), write_apart(7.0730012, 7.0730034)
    (('0.5', '0.5481'), ('7.073001', '7.073003'))
    """
    texts = format_number(old), format_number(new)
    for digits in range(_FEW_DIGITS, _ALL_DIGITS):
        if texts[0] != texts[1] or old == new or not (isfinite(old) and isfinite(new)):
            break
        first, second = (f"{n:.{digits}g}".replace("-", "−") for n in (old, new))
        texts = first, second
    return texts


def _is_scalar(seen: Observation) -> bool:
    return seen.data is not None and seen.data.size == 1


def _number_of(seen: Observation | None) -> float | None:
    """Return a scalar itself, and the length of a vector that is not shown whole."""
    if seen is None or (seen.data is not None and 1 < seen.data.size <= _SMALL):
        return None
    if _is_scalar(seen):
        number = seen.scalar
        return (
            float(number)
            if isinstance(number, int | float) and not isinstance(number, bool)
            else None
        )
    return None if seen.stats is None else seen.stats.l2


def _brief(seen: Observation | None) -> str:
    if seen is not None and seen.data is not None and 1 < seen.data.size <= _SMALL:
        return format_array(seen.data)
    number = None if seen is None or _is_scalar(seen) else _number_of(seen)
    return format_observation(seen) if number is None else f"l2 {format_number(number)}"
