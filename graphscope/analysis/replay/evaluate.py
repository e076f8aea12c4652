"""A value of a step, computed again with other numbers for some of the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from graphscope.analysis.replay.given import MAX_SIZE
from graphscope.analysis.replay.machine import Machine
from graphscope.analysis.replay.numbers import read_recorded, widen
from graphscope.analysis.replay.plan import Plan, make_plan
from graphscope.analysis.replay.refusal import RefusalError
from graphscope.analysis.replay.reproduction import check_reproduction
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

MAX_STEPS: Final = 2_000
"""Ops between two values, above which nothing is computed again."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a value becomes.

    Attributes:
        value: Its numbers, as float64 (complex128, int64, bool); None with a reason.
        values: Those of every value in between, by id.
        reason: Empty, or one sentence why it cannot be computed again.
    """

    value: Array | None = None
    values: Mapping[int, Array] = field(default_factory=dict)
    reason: str = ""


def evaluate(trace: Trace, root: int, *, overrides: Mapping[int, Array]) -> Evaluation:
    """Compute `root` again with `overrides` in the place of recorded numbers.

    Only the ops between them run, in the recorded order and in float64; all other
    values are what was recorded. Data flows as it does in the program, also where
    autograd would stop: through `detach()`, an index, an in-place write. What Python
    made of numbers (`.item()`, an `if`) stays as it was, and so do running statistics.
    Every op is first held against its recorded results.

    Args:
        trace: The step.
        root: Id of the wanted value.
        overrides: Id of a value -> its numbers, of the value's own shape.

    Raises:
        ValueError: An override has another shape than its value.
    """
    starts = {value: _checked(trace, value, data) for value, data in overrides.items()}
    try:
        if root in starts:
            return Evaluation(starts[root], starts)
        plan = make_plan(trace.graph, starts, root, as_autograd=False)
        if not plan.steps:
            return Evaluation(read_recorded(trace, root), starts)
        machine = make_machine(trace, plan)
        recorded = {value: machine.recorded(value) for value in starts}
        check_reproduction(machine, machine.run(recorded))
        values = machine.run(starts)
    except RefusalError as refusal:
        return Evaluation(reason=refusal.reason)
    return Evaluation(values[root], values)


def make_machine(trace: Trace, plan: Plan) -> Machine:
    """Prepare a plan.

    Raises:
        RefusalError: It has too many ops, or one that cannot be computed.
    """
    if len(plan.steps) > MAX_STEPS:
        raise RefusalError(
            f"{len(plan.steps):,} ops lie in between, more than the {MAX_STEPS:,} that "
            "are computed again"
        )
    return Machine(trace, plan)


def _checked(trace: Trace, value: int, data: Array) -> Array:
    found = widen(np.asarray(data))
    shape = trace.graph.values[value].shape
    if found.shape != shape or found.size > MAX_SIZE:
        raise ValueError(
            f"{trace.title_of(value)} has the shape {shape}, not {found.shape}"
        )
    return found
