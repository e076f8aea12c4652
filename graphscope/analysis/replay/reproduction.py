"""Is what the formulas give what was recorded? Asked of every op by itself.

Each op is computed from the recorded inputs. How far the result may be away follows
from how far rounding of the inputs moves it: a wrong formula or a misread argument
shows, a badly conditioned sum does not.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

import numpy as np

from graphscope.analysis.replay.formulas.table import base_name
from graphscope.analysis.replay.given import Reader
from graphscope.analysis.replay.machine import Machine, Prepared
from graphscope.analysis.replay.numbers import is_kept, spacing_of
from graphscope.analysis.replay.plan import How, is_continuous
from graphscope.analysis.replay.refusal import (
    RefusalError,
    element_text,
    first_index,
    operator_of,
    place_of,
)
from graphscope.analysis.replay.roundings import Correction
from graphscope.model.graph import Value
from graphscope.model.numbers import format_number
from graphscope.model.observation import Array, Stats, summarize

_ROUNDINGS: Final = 32.0
"""How many roundings of its dtype an op may be away from its formula."""

_TENSOR_CORES: Final = 2.0**-10
"""The spacing of TF32, in which products of float32 may be formed on a GPU."""

_PRODUCTS: Final = frozenset(
    {"linear", "matmul", "mm", "bmm", "mv", "addmm", "baddbmm", "einsum", "bilinear"}
    | {"conv1d", "conv2d", "conv3d", "scaled_dot_product_attention", "lstm", "gru"}
)
_SMALLEST: Final = {"float16": 2.0**-24}
_SLOPES: Final[Mapping[str, Callable[[Array], Array]]] = {
    "sigmoid": lambda a: a * (1 - a),
    "expit": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
}
"""Derivatives that autograd takes from the rounded result, with a cancellation."""


def check_reproduction(
    machine: Machine, exact: Mapping[int, Array]
) -> dict[int, Correction]:
    """Compare every op with what was recorded of it.

    Args:
        machine: The plan.
        exact: What its values are when nothing is changed; stands in for what was
            recorded as statistics only.

    Returns:
        By value, what rounding did to it.

    Raises:
        RefusalError: An op gives something else than was recorded.
    """

    def read(value: int) -> Array:
        kept = value not in exact or is_kept(machine.trace, value)
        return machine.recorded(value) if kept else exact[value]

    found: dict[int, Correction] = {}
    with np.errstate(all="ignore"):
        for prepared in machine.steps:
            found.update(_check_step(machine, prepared, read, exact.keys()))
    return found


def _check_step(
    machine: Machine, prepared: Prepared, read: Reader, changing: Collection[int]
) -> dict[int, Correction]:
    def read_rounded(value: int) -> Array:
        numbers = read(value)
        nudged = _nudged(numbers, spacing, value)
        if value in changing:
            return nudged
        # A whole number may be a mark, such as the 1 and −1 of a hinge loss.
        return np.where(numbers == np.round(numbers), numbers, nudged)

    spacing = _spacing(machine, prepared)
    results = machine.compute(prepared, read)
    nudged = machine.compute(prepared, read_rounded)
    corrections: dict[int, Correction] = {}
    for target in prepared.step.targets:
        value, found = machine.trace.graph.values[target.value], results[target.value]
        if not is_kept(machine.trace, value.id):
            _compare_statistics(machine, prepared, value, found)
            continue
        recorded = machine.recorded(value.id)
        moved = _distance(found, nudged[value.id])
        allowed = _ROUNDINGS * (spacing * _size(found) + moved)
        allowed += _SMALLEST.get(value.dtype, 0.0)
        _compare(machine, prepared, value, (found, recorded), allowed)
        if is_continuous(value) and target.how is not How.SHIFTED:
            slope = _rounded_slope(prepared, found, recorded)
            corrections[value.id] = Correction(recorded, found, slope)
    return corrections


def _spacing(machine: Machine, prepared: Prepared) -> float:
    values = machine.trace.graph.values
    op = prepared.step.op
    concerned = [values[v] for v in (*op.inputs, *op.outputs)]
    made = [values[v] for v in op.outputs if is_continuous(values[v])]
    spacing = spacing_of(made or concerned)
    is_gpu = any(v.device.startswith("cuda") for v in concerned)
    if is_gpu and base_name(op) in _PRODUCTS:
        return max(spacing, _TENSOR_CORES)
    return spacing


def _nudged(numbers: Array, spacing: float, seed: int) -> Array:
    """Return numbers that differ by up to one rounding each, without a pattern."""
    if numbers.dtype.kind not in "fc":
        return numbers
    order = np.arange(numbers.size, dtype=np.float64).reshape(numbers.shape)
    parts = np.cos(seed + order * (1.0 + 0.7 * order))
    return np.asarray(numbers * (1 + spacing * parts))


def _size(numbers: Array) -> float:
    if numbers.dtype.kind not in "fc":
        return 0.0
    return float(np.nan_to_num(np.abs(numbers), posinf=0.0).max(initial=0.0))


def _distance(one: Array, other: Array) -> float:
    if one.dtype.kind not in "fc":
        return 0.0
    return float(np.nan_to_num(np.abs(one - other), posinf=0.0).max(initial=0.0))


def _compare(
    machine: Machine,
    prepared: Prepared,
    value: Value,
    pair: tuple[Array, Array],
    allowed: float,
) -> None:
    found, recorded = pair
    same = found == recorded
    if found.dtype.kind in "fc":
        both_nan = np.isnan(found) & np.isnan(recorded)
        same |= both_nan | (np.abs(found - recorded) <= allowed)
    if same.all():
        return
    index = first_index(~same)
    op = prepared.step.op
    first, second = recorded[index].item(), found[index].item()
    again = format_number(second)
    if again == format_number(first):
        again = f"{abs(second - first):.0e} away from it".replace("-", "−")
    element = element_text(machine.trace, value.id, index, first)
    raise RefusalError(
        f"{operator_of(op)}{place_of(op)} could not be reproduced: {element} in the "
        f"recording, and {again} when it is computed again"
    )


def _compare_statistics(
    machine: Machine, prepared: Prepared, value: Value, found: Array
) -> None:
    """Compare with what is known of a tensor that was not kept whole."""
    seen = machine.trace.value_of(value.id)
    if seen is None or seen.summary is None:
        return
    stats, recorded = summarize(found), seen.summary
    scale = max(abs(recorded.minimum), abs(recorded.maximum))
    allowed = np.sqrt(spacing_of([value])) * scale
    if _are_close(stats, recorded, float(allowed)):
        return
    op, name = prepared.step.op, machine.trace.title_of(value.id)
    raise RefusalError(
        f"{operator_of(op)}{place_of(op)} could not be reproduced: the mean of {name} "
        f"is {format_number(recorded.mean)} in the recording, and "
        f"{format_number(stats.mean)} when it is computed again"
    )


def _are_close(one: Stats, other: Stats, allowed: float) -> bool:
    pairs = (
        (one.mean, other.mean),
        (one.std, other.std),
        (one.minimum, other.minimum),
        (one.maximum, other.maximum),
    )
    counts = (one.nans, one.infs) == (other.nans, other.infs)
    return counts and all(not abs(a - b) > allowed for a, b in pairs)


def _rounded_slope(prepared: Prepared, found: Array, recorded: Array) -> Array | float:
    slope = _SLOPES.get(base_name(prepared.step.op))
    if slope is None:
        return 1.0
    exact = slope(found)
    return np.asarray(np.where(exact == 0, 1.0, slope(recorded) / exact))
