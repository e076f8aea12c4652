"""Operators that let a gradient through only between two bounds: ReLU, clamp."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isinf
from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.reading import data_of
from graphscope.analysis.evidence.relus import as_numbers, relu_shares, write_shares
from graphscope.analysis.evidence.wording import amount, begin, code_of
from graphscope.analysis.why.vanishing.causes.cause import (
    Cause,
    Stop,
    number_in,
    span,
    text_of,
)
from graphscope.model.graph import ValueKind


@dataclass(frozen=True, slots=True)
class Range:
    """Between which numbers a derivative is not 0."""

    low: float = -inf
    high: float = inf


_FIXED: Final[Mapping[str, Range]] = {
    "relu": Range(low=0.0),
    "relu6": Range(0.0, 6.0),
    "hardsigmoid": Range(-3.0, 3.0),
    "hardswish": Range(low=-3.0),
}


def range_of(stop: Stop) -> Range | None:
    """Return between which numbers an op lets a gradient through.

    None where the bounds are tensors, or names that were not recorded.
    """
    name = plain_name(stop.op)
    if name in _FIXED:
        return _FIXED[name]
    if name == "hardtanh":
        return _between(stop, ("min_val", "max_val"), Range(-1.0, 1.0))
    if name in ("clamp", "clip"):
        return _between(stop, ("min", "max"), Range())
    if name == "clamp_min":
        low = _bound(stop, "min", 1)
        return None if low is None else Range(low=low)
    if name == "clamp_max":
        high = _bound(stop, "max", 1)
        return None if high is None else Range(high=high)
    if name == "threshold":
        low = _bound(stop, "threshold", 1)
        return None if low is None else Range(low=low)
    return None


def _between(stop: Stop, names: tuple[str, str], default: Range) -> Range | None:
    found = []
    for position, (name, otherwise) in enumerate(
        zip(names, (default.low, default.high), strict=True), 1
    ):
        text = text_of(stop.op, name, position)
        bound = _bound(stop, name, position)
        if bound is None and text not in ("", "None"):
            return None
        found.append(otherwise if bound is None else bound)
    return Range(*found)


def _bound(stop: Stop, name: str, position: int) -> float | None:
    text = text_of(stop.op, name, position)
    number = number_in(text)
    if number is not None or not text:
        return number
    for argument in stop.op.arguments:
        if argument.text == text and argument.value is not None:
            data = data_of(stop.trace, argument.value)
            return None if data is None or data.size != 1 else float(data.item())
    return None


def explain_bounds(stop: Stop) -> Cause | None:
    """Explain numbers that lie outside of what an op lets through."""
    bounds = range_of(stop)
    if bounds is None:
        return None
    name = plain_name(stop.op)
    code = code_of(stop.trace, stop.source) or "x"
    is_parameter = stop.graph.values[stop.source].kind is ValueKind.PARAMETER
    otherwise = _remedy_clamp if is_parameter else _remedy_hard
    remedy = _REMEDIES.get(name, otherwise)
    return Cause(
        short="is flat where all of its numbers lie",
        text=(
            f"{begin(stop.call)} lets a gradient through only {_write(bounds)}, and "
            f"{stop.name} {span(stop.before)}{_counts(stop, bounds)}."
            f"{_other_relus(stop)}"
        ),
        remedy=remedy(code),
        numbers=_evidence(stop, bounds),
    )


def _write(bounds: Range) -> str:
    if isinf(bounds.high):
        return f"above {amount(bounds.low)}"
    if isinf(bounds.low):
        return f"below {amount(bounds.high)}"
    return f"between {amount(bounds.low)} and {amount(bounds.high)}"


def _counts(stop: Stop, bounds: Range) -> str:
    """Say how many numbers lie on each side, where they lie on both."""
    data = stop.numbers
    if data is None or data.size == 1:
        return ""
    below, above = int((data <= bounds.low).sum()), int((data >= bounds.high).sum())
    if not below or not above:
        return ""
    return f": {below} of {data.size} numbers lie below and {above} above"


def _other_relus(stop: Stop) -> str:
    """Say how much of each ReLU is 0, where this is one of several."""
    is_relu = plain_name(stop.op) == "relu"
    text = write_shares(relu_shares(stop.trace)) if is_relu else ""
    return f" {text}" if text else ""


def _evidence(stop: Stop, bounds: Range) -> tuple[tuple[str, float], ...]:
    stats = stop.before
    found = [] if isinf(bounds.low) else [("lower bound", bounds.low)]
    found += [] if isinf(bounds.high) else [("upper bound", bounds.high)]
    if stats is not None:
        found += [("smallest", stats.minimum), ("largest", stats.maximum)]
    if plain_name(stop.op) == "relu":
        found += as_numbers(relu_shares(stop.trace))
    return tuple(found)


def _remedy_relu(code: str) -> str:
    return (
        f"Use leaky_relu({code}), which lets some gradient through, or start from "
        "other weights or with a smaller lr."
    )


def _remedy_clamp(code: str) -> str:
    return (
        f"Bound it by something that is not flat (`torch.sigmoid`), or clamp "
        f"`{code}.data` after the update instead of `{code}` in the forward."
    )


def _remedy_hard(code: str) -> str:
    return f"Scale `{code}` down, or use an activation that is not flat outside."


_REMEDIES: Final[Mapping[str, Callable[[str], str]]] = {
    "relu": _remedy_relu,
    "relu6": _remedy_relu,
    "hardtanh": _remedy_hard,
    "hardsigmoid": _remedy_hard,
    "hardswish": _remedy_hard,
    "threshold": _remedy_relu,
}

NAMES: Final = (*_REMEDIES, "clamp", "clip", "clamp_min", "clamp_max")
RULES: Final = dict.fromkeys(NAMES, explain_bounds)
