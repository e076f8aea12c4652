"""Words for where rounding, and not the function, decides what autograd returned."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from graphscope.analysis.replay.machine import Machine, Prepared
from graphscope.analysis.replay.numbers import is_kept
from graphscope.analysis.replay.plan import is_continuous
from graphscope.analysis.replay.refusal import first_index, operator_of, place_of
from graphscope.model.numbers import format_number
from graphscope.model.observation import Array

_LARGE: Final = 0.01
_CONSEQUENCE: Final = "the recorded numbers are not those of exact arithmetic"


def describe_rounding(machine: Machine, exact: Mapping[int, Array]) -> str:
    """Say which rounding made the recorded forward another function.

    Args:
        machine: The plan.
        exact: The values when nothing is changed, without any rounding.
    """
    for prepared in machine.steps:
        for value in _comparable(machine, prepared, exact):
            recorded = machine.recorded(value)
            gap = np.abs(recorded - exact[value]).max(initial=0.0)
            if gap > _LARGE * np.abs(recorded).max(initial=0.0):
                return _describe_effect(machine, prepared, value, exact)
    for prepared in machine.steps:
        for value in _comparable(machine, prepared, exact):
            away = _rounded_away(machine.recorded(value), exact[value])
            if away.any():
                return f"{_rounded_text(machine, value, away)}: {_CONSEQUENCE}"
    dtype = machine.trace.graph.values[machine.plan.root].dtype
    return f"rounding to {dtype} changes this derivative: {_CONSEQUENCE}"


def _comparable(
    machine: Machine, prepared: Prepared, exact: Mapping[int, Array]
) -> Iterator[int]:
    """Yield the results of a step of which both kinds of numbers are known."""
    for target in prepared.step.targets:
        value = target.value
        record = machine.trace.graph.values[value]
        if is_continuous(record) and is_kept(machine.trace, value) and value in exact:
            yield value


def _rounded_away(recorded: Array, exact: Array) -> Array:
    """Return which elements rounding made 1 or -1, the ends of sigmoid and tanh."""
    return np.asarray((np.abs(recorded) == 1) & (recorded != exact))


def _rounded_text(machine: Machine, value: int, away: Array) -> str:
    number = format_number(machine.recorded(value)[first_index(away)].item())
    dtype = machine.trace.graph.values[value].dtype
    return f"{dtype} rounded {machine.trace.title_of(value)} to {number}"


def _describe_effect(
    machine: Machine, prepared: Prepared, value: int, exact: Mapping[int, Array]
) -> str:
    op = prepared.step.op
    recorded, other = machine.recorded(value), exact[value]
    gaps = np.nan_to_num(np.abs(recorded - other), nan=np.inf)
    index = first_index(gaps == gaps.max())
    first = format_number(recorded[index].item())
    second = format_number(other[index].item())
    effect = f"{operator_of(op)}{place_of(op)} gave {first} and not {second}"
    for source in op.inputs:
        if source in exact and is_kept(machine.trace, source):
            away = machine.recorded(source) != exact[source]
            if away.any():
                cause = _rounded_text(machine, source, away)
                return f"{cause}, so that {effect}: {_CONSEQUENCE}"
    return f"{effect}: {_CONSEQUENCE}"
