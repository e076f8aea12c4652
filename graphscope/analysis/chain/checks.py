"""Is the sum of the paths right? Asked of autograd, and of the forward alone."""

from dataclasses import replace
from typing import Final

import numpy as np

from graphscope.analysis.chain.backward import Backward
from graphscope.analysis.chain.factors import norm_of
from graphscope.analysis.chain.model import Check
from graphscope.analysis.replay.difference import Difference, finite_difference
from graphscope.model.graph import Role
from graphscope.model.observation import Array

_ROUNDINGS: Final = 64.0
"""How many roundings of its dtype a gradient may be away from the exact product."""

_DIFFERENCE: Final = 1e-5
"""Relative distance that a finite difference of a smooth function may have beside
the rounding of the gradient that it is compared with."""

_EPSILONS: Final = {
    "float64": float(np.finfo(np.float64).eps),
    "float32": float(np.finfo(np.float32).eps),
    "float16": float(np.finfo(np.float16).eps),
    "bfloat16": 2.0**-7,
}
_SMALLEST: Final = {
    _EPSILONS["float64"]: float(np.finfo(np.float64).tiny),
    _EPSILONS["float32"]: float(np.finfo(np.float32).tiny),
    _EPSILONS["float16"]: float(np.finfo(np.float16).tiny),
    _EPSILONS["bfloat16"]: float(np.finfo(np.float32).tiny),
}
"""By the epsilon of a dtype, its smallest normal number: below it digits are lost."""

_HOOKED: Final = "hook"
_UNEXPLAINED: Final = "the recorded factors do not multiply to it"
_AGREES: Final = 1e-3


def check_autograd(
    backward: Backward, leaf: int, total: Array | None, scale: float
) -> Check:
    """Compare the sum of the paths with the gradient that arrived at the leaf."""
    arrived = backward.arrived(leaf)
    if arrived is None:
        return Check(reason="no gradient arrived there in this backward")
    norm = norm_of(arrived)
    if arrived.data is None or total is None:
        return Check(value=arrived.data, norm=norm)
    error = distance(total, arrived.data)
    epsilon = _epsilon(backward, leaf)
    allowed = _ROUNDINGS * epsilon * scale + _SMALLEST[epsilon]
    is_close = error == 0 or error <= allowed  # of NaN there is no scale
    reason = "" if is_close else _why_different(backward, leaf)
    return Check(arrived.data, norm, error, is_close, reason)


def settle(autograd: Check, difference: Check) -> Check:
    """Take a doubt about autograd's number back where the forward agrees with it.

    A local derivative may itself be what is left after a cancellation (layer_norm):
    then its rounding is larger than its size tells.
    """
    is_doubted = autograd.is_close is False and autograd.value is not None
    if not is_doubted or difference.value is None or autograd.error is None:
        return autograd
    if autograd.value is None or autograd.reason != _UNEXPLAINED:
        return autograd
    gap = distance(autograd.value, difference.value)
    size = float(np.abs(difference.value).max(initial=0.0)) + autograd.error
    if gap <= _AGREES * size and autograd.error <= _AGREES * size:
        return replace(autograd, is_close=True, reason="")
    return autograd


def check_difference(
    backward: Backward, ends: tuple[int, int], seed: Array, expected: Array | None
) -> tuple[Check, tuple[str, ...]]:
    """Compare with a central finite difference of the recorded forward.

    Args:
        backward: The backward.
        ends: Leaf and root.
        seed: What backward started with.
        expected: The gradient to compare with, of the leaf's shape.

    Returns:
        The check, and what else was noticed (paths that are cut).
    """
    leaf, root = ends
    direction = None
    if expected is not None:
        expected = expected.astype(np.float64)  # the norm of float16 may overflow
    if expected is not None and np.isfinite(expected).all() and expected.any():
        direction = np.asarray(expected / np.linalg.norm(expected))
    found = finite_difference(backward.trace, leaf, root, seed, direction=direction)
    return _judge(found, expected, _epsilon(backward, leaf)), found.notes


def _judge(found: Difference, expected: Array | None, epsilon: float) -> Check:
    if found.reason:
        return Check(reason=found.reason)
    if found.gradient is not None:
        norm = float(np.linalg.norm(found.gradient))
        if expected is None:
            return Check(found.gradient, norm)
        if not np.isfinite(expected).all():
            return Check(found.gradient, norm, reason="autograd's is not finite")
        error = distance(found.gradient, expected)
        scale = float(np.abs(expected).max(initial=0.0)) + norm
        allowed = _allowed(found, scale, epsilon)
        return Check(found.gradient, norm, error, error <= allowed)
    if found.directional is None or expected is None:
        return Check(norm=found.directional)
    error = abs(found.directional - float(np.linalg.norm(expected)))
    allowed = _allowed(found, abs(found.directional), epsilon)
    return Check(None, found.directional, error, error <= allowed)


def _allowed(found: Difference, scale: float, epsilon: float) -> float:
    """Return how far a difference may be away: both sides round, and steps are wide."""
    relative = max(_DIFFERENCE, _ROUNDINGS * epsilon)
    return 4 * (found.error or 0.0) + relative * scale


def distance(one: Array, other: Array) -> float:
    """Return the largest distance between elements; infinite when one is NaN alone.

    >>> distance(np.array([1.0, np.nan]), np.array([1.5, np.nan]))
    0.5
    """
    if one.shape != other.shape:
        return float("inf")
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        gaps = np.where(same, 0.0, np.abs(one - other))
    return float(np.nan_to_num(gaps, nan=np.inf).max(initial=0.0))


def _epsilon(backward: Backward, value: int) -> float:
    dtype = backward.trace.graph.values[value].dtype
    return _EPSILONS.get(dtype, _EPSILONS["float32"])


def _why_different(backward: Backward, leaf: int) -> str:
    slot = backward.arrivals.get(leaf)
    graph = backward.trace.graph
    if slot is not None and graph.slots[slot].label == _HOOKED:
        return "a hook of yours may have changed the gradient on its way"
    hooked = [s for s in graph.slots if s.label == _HOOKED and s.role in _ARRIVALS]
    if hooked:
        return "a hook of yours may have changed a gradient on the way"
    return _UNEXPLAINED


_ARRIVALS: Final = frozenset({Role.ARRIVED, Role.GRAD_OUTPUT})
