"""Words for where a derivative breaks: the op, its element, the user's line."""

from collections.abc import Mapping

import numpy as np

from graphscope.analysis.replay.given import Ref
from graphscope.analysis.replay.machine import Machine, Prepared
from graphscope.analysis.replay.refusal import (
    element_text,
    first_index,
    operator_of,
    place_of,
)
from graphscope.analysis.replay.slopes import Crossing, Sample, differs
from graphscope.model.observation import Array


def describe_crossing(
    machine: Machine, crossing: Crossing, numbers: Mapping[int, Array]
) -> str:
    """Say why there is no derivative: a kink, a jump, or no number on one side.

    Args:
        machine: The plan.
        crossing: The samples on both sides.
        numbers: The values in the middle.
    """
    if crossing.broken is not None:
        step, index = crossing.broken
        return _describe_end(machine, machine.steps[step], index, numbers)
    if crossing.step is None:
        root = machine.trace.title_of(machine.plan.root)
        return f"{root} is not finite on one side"
    prepared = machine.steps[crossing.step]
    op, formula = prepared.step.op, prepared.formula
    kink = formula.kink if formula is not None else ""
    where = _operand_text(machine, prepared, crossing, numbers)
    return f"{operator_of(op)} {kink}, and {where}{place_of(op)}"


def first_broken(
    machine: Machine, values: Mapping[int, Array], exact: Mapping[int, Array]
) -> tuple[int, tuple[int, ...]] | None:
    """Return the first step with a result that is finite no more, and its element."""
    for step, prepared in enumerate(machine.steps):
        for target in prepared.step.targets:
            value = target.value
            is_bad = ~np.isfinite(values[value]) & np.isfinite(exact[value])
            if is_bad.any():
                return step, first_index(is_bad)
    return None


def _describe_end(
    machine: Machine,
    prepared: Prepared,
    index: tuple[int, ...],
    numbers: Mapping[int, Array],
) -> str:
    """Say where a function ends, such as a square root at 0."""
    op = prepared.step.op
    shape = numbers[prepared.step.targets[0].value].shape
    source = next((v for v in op.inputs if v in numbers), None)
    where = ""
    if source is not None and numbers[source].shape == shape:
        number = numbers[source][index].item()
        where = f", and {element_text(machine.trace, source, index, number)}"
    return f"{operator_of(op)} has no finite value on one side{where}{place_of(op)}"


def _operand_text(
    machine: Machine,
    prepared: Prepared,
    crossing: Crossing,
    numbers: Mapping[int, Array],
) -> str:
    formula = prepared.formula
    operand = prepared.bound.get(formula.operand) if formula is not None else None
    if not isinstance(operand, Ref):
        return "one of its elements is there"
    found = numbers.get(operand.value)
    found = machine.recorded(operand.value) if found is None else found
    changed = _changed(crossing)
    if changed is None or changed.shape != found.shape:
        return f"{machine.trace.title_of(operand.value)} is there"
    index = first_index(changed)
    number = found[index].item()
    return element_text(machine.trace, operand.value, index, number)


def _changed(crossing: Crossing) -> Array | None:
    """Return which elements are on another piece."""
    if crossing.step is None:
        return None
    low, middle, high = (
        _piece(s, crossing.step)
        for s in (crossing.below, crossing.middle, crossing.above)
    )
    if low is None or middle is None or high is None or low.shape != high.shape:
        return None
    changed = low != high
    if not changed.any() and differs(middle, high):
        changed = middle != high
    return np.asarray(changed)


def _piece(sample: Sample, step: int) -> Array | None:
    return sample.branches[step]
