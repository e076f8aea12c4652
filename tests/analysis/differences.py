"""Differentiating what a traced program did, and what autograd says of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import graphscope as gs
from graphscope.analysis.replay.difference import Difference, finite_difference
from graphscope.model.check import find_violations
from graphscope.model.graph import ValueKind
from graphscope.model.trace import Trace

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Checked:
    """A finite difference beside the gradient that autograd left in `.grad`."""

    trace: Trace
    difference: Difference
    autograd: Array

    @property
    def gradient(self) -> Array:
        """The gradient of the finite difference, which must be there."""
        assert not self.difference.reason
        assert self.difference.gradient is not None
        return self.difference.gradient

    @property
    def distance(self) -> float:
        """How far both are apart, relative to the largest element."""
        gap = float(np.abs(self.gradient - self.autograd).max(initial=0.0))
        return gap / max(float(np.abs(self.autograd).max(initial=0.0)), 1e-3)


def leaf_of(trace: Trace, tensor: torch.Tensor) -> int:
    """Return the value that a leaf was recorded as, found by its numbers."""
    wanted = tensor.detach().numpy()
    return next(
        value.id
        for value in trace.graph.values
        if value.kind is ValueKind.PARAMETER and value.version == 0
        if np.array_equal(numbers_of(trace, value.id), wanted)
    )


def numbers_of(trace: Trace, value: int) -> Array:
    """Return the recorded numbers of a value, none of them if they were not kept."""
    seen = trace.value_of(value)
    return np.empty(0) if seen is None or seen.data is None else seen.data


def seed_like(root: torch.Tensor) -> torch.Tensor:
    """Return a seed that is different for every element, ones for a scalar."""
    count = max(root.numel(), 1)
    seed = torch.linspace(1.0, 1.7, count, dtype=torch.float64)[: root.numel()]
    return seed.reshape(root.shape).to(root.dtype)


def trace_of(program: Callable[[], torch.Tensor]) -> Trace:
    """Trace a program, and backward from what it returns."""
    with gs.trace(whole=4096) as t:
        root = program()
        root.backward(seed_like(root))
    trace = t.last.trace
    assert list(find_violations(trace.graph)) == []
    return trace


def check(program: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Checked:
    """Differentiate `program` at the leaf `x`, by differences and by autograd."""
    x.grad = None
    with gs.trace(whole=4096) as t:
        root = program(x)
        seed = seed_like(root)
        root.backward(seed)
    trace = t.last.trace
    leaf = leaf_of(trace, x)
    found = finite_difference(trace, leaf, trace.graph.roots[-1], seed.numpy())
    autograd = np.zeros(x.shape) if x.grad is None else x.grad.numpy()
    return Checked(trace, found, autograd)


def reason(program: Callable[[torch.Tensor], torch.Tensor], *numbers: float) -> str:
    """Return why there is no difference of `program` at a vector of numbers.

    With model.py:N for the file and line, which are those of a test.
    """
    x = torch.tensor(numbers, requires_grad=True)
    found = check(program, x).difference
    assert found.gradient is None
    assert found.directional is None
    assert found.error is None
    return re.sub(r"\w+\.py:\d+", "model.py:N", found.reason)
