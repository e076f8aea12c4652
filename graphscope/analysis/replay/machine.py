"""Runs a plan: computes each of its ops again from numbers that are handed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from math import prod
from typing import Final, Protocol

import numpy as np

from graphscope.analysis.replay.aliases import Place, find_places, write_through
from graphscope.analysis.replay.binding import bind_arguments, straighten_arguments
from graphscope.analysis.replay.formula import Formula
from graphscope.analysis.replay.formulas.table import find_formula, is_of_torch
from graphscope.analysis.replay.given import MAX_SIZE, Bound, Given, Inner, Reader
from graphscope.analysis.replay.numbers import read_recorded
from graphscope.analysis.replay.plan import How, Plan, Step, Target, targets_of
from graphscope.analysis.replay.refusal import RefusalError, operator_of, place_of
from graphscope.model.graph import Op, OpKind, Value
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

Branches = list[Array | None]
_FAILURES: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
_MAX_BROADCAST: Final = 1 << 24


class Rounding(Protocol):
    """What is done to numbers as they are computed."""

    def result(self, value: int, numbers: Array) -> Array:
        """Return the numbers of a value as they are handed on."""

    def inner(self, op: int, name: str, numbers: Array) -> Array:
        """Return numbers that an op has in between as it goes on with them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A step with its formula and its arguments."""

    step: Step
    formula: Formula | None
    bound: Bound
    results: tuple[Value, ...]

    def given(self, read: Reader, inner: Inner | None = None) -> Given:
        """Return the arguments, with their numbers from `read`."""
        return Given(self.step.op, self.bound, read, self.results, inner)


class Machine:
    """Computes a plan again and again; made once, it holds no number of a run.

    Raises:
        RefusalError: An op of the plan cannot be computed.
    """

    def __init__(self, trace: Trace, plan: Plan) -> None:
        self.trace = trace
        self.plan = plan
        self.steps = [_prepare(trace, step) for step in plan.steps]
        self._constants: dict[int, Array] = {}

    def recorded(self, value: int) -> Array:
        """Return the recorded numbers of a value, read once."""
        found = self._constants.get(value)
        if found is None:
            found = self._constants[value] = read_recorded(self.trace, value)
        return found

    def run(
        self,
        starts: Mapping[int, Array],
        *,
        rounding: Rounding | None = None,
        branches: Branches | None = None,
    ) -> dict[int, Array]:
        """Return the numbers of all values that the plan computes.

        Args:
            starts: Numbers of the values that are given.
            rounding: What is done to the results; by default they are exact.
            branches: Receives, for each step, which pieces its elements are on.
        """
        values: dict[int, Array] = dict(starts)

        def read(value: int) -> Array:
            found = values.get(value)
            return self.recorded(value) if found is None else found

        with np.errstate(all="ignore"):
            for prepared in self.steps:
                if branches is not None:
                    branches.append(self.branch(prepared, read))
                found = self.compute(prepared, read, rounding)
                for value, numbers in found.items():
                    rounded = rounding.result(value, numbers) if rounding else numbers
                    values[value] = rounded
        return values

    def branch(self, prepared: Prepared, read: Reader) -> Array | None:
        """Return which pieces the elements of a step are on, None without pieces."""
        formula = prepared.formula
        if formula is None or formula.branch is None:
            return None
        try:
            return np.asarray(formula.branch(prepared.given(read)))
        except _FAILURES as fault:
            raise _failure(prepared.step.op) from fault

    def compute(
        self, prepared: Prepared, read: Reader, rounding: Rounding | None = None
    ) -> dict[int, Array]:
        """Return the results of one step, by value."""
        step = prepared.step
        inner = rounding.inner if rounding is not None else None
        parts: tuple[Array, ...] = ()
        if prepared.formula is not None:
            try:
                found = prepared.formula.compute(prepared.given(read, inner))
                parts = found if isinstance(found, tuple) else (found,)
                return self._place(step, parts, read)
            except _FAILURES as fault:
                raise _failure(step.op) from fault
        return self._place(step, parts, read)

    def _place(
        self, step: Step, parts: tuple[Array, ...], read: Reader
    ) -> dict[int, Array]:
        return {
            target.value: self._result(step, target, parts, read)
            for target in step.targets
        }

    def _result(
        self, step: Step, target: Target, parts: tuple[Array, ...], read: Reader
    ) -> Array:
        value = self.trace.graph.values[target.value]
        before = value.previous
        match target.how:
            case How.COMPUTED:
                found = np.asarray(parts[target.position])
                if found.shape != value.shape:
                    raise _failure(step.op)
                return found
            case How.WRITTEN:
                return _fitted(parts[0], value)
            case How.SHIFTED if before is not None:
                shift = self.recorded(target.value) - self.recorded(before)
                return np.asarray(read(before) + shift)
            case How.SHARED if before is not None and step.written is not None:
                shape = self.trace.graph.values[step.written]
                pair = (step.written, _fitted(parts[0], shape))
                shared = write_through(self.places, pair, (before, read(before)))
                if shared is not None:
                    return shared
        raise RefusalError(
            f"{operator_of(step.op)}{place_of(step.op)} wrote through a view whose "
            f"place in {self.trace.title_of(target.value)} is not known"
        )

    @cached_property
    def places(self) -> dict[int, Place]:
        """Where views lie, looked for when an in-place op first needs it."""
        return find_places(self.trace, self.plan.steps[-1].op.id)


def _fitted(found: Array, value: Value) -> Array:
    """Bring what is written to the shape and kind of the tensor that it goes to."""
    found = np.broadcast_to(found, value.shape)
    if value.dtype == "bool":
        return np.asarray(found != 0)
    if value.dtype.startswith(("int", "uint")):
        return found.astype(np.int64)
    return np.asarray(found * 1.0)


def _failure(op: Op) -> RefusalError:
    return RefusalError(
        f"{operator_of(op)}{place_of(op)} could not be computed again from what was "
        "recorded of its arguments"
    )


def _prepare(trace: Trace, step: Step) -> Prepared:
    values = trace.graph.values
    computed = {How.COMPUTED, How.WRITTEN}
    fresh = [t for t in targets_of(trace.graph, step.op) if t.how in computed]
    results = tuple(values[t.value] for t in fresh)
    for target in step.targets:
        _require_small(trace, target.value)
    if not step.needs_formula:
        return Prepared(step, None, {}, results)
    formula = _formula_of(step.op)
    _require_modest(step.op, values)
    arguments = straighten_arguments(step.op, values)
    bound = bind_arguments(arguments, formula.signature)
    return Prepared(step, formula, bound, results)


def _require_modest(op: Op, values: Sequence[Value]) -> None:
    """Refuse operands that would broadcast to far more elements than they have."""
    shapes = [values[v].shape for v in op.inputs]
    longest = zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1)
    size = prod(max(lengths) for lengths in longest)
    if size > max(_MAX_BROADCAST, 4 * max((prod(s) for s in shapes), default=0)):
        raise RefusalError(
            f"{operator_of(op)}{place_of(op)} would make an array of too many elements"
        )


def _require_small(trace: Trace, value: int) -> None:
    shape = trace.graph.values[value].shape
    if np.prod(shape, dtype=np.float64) > MAX_SIZE:
        raise RefusalError(
            f"{trace.title_of(value)} has more than {MAX_SIZE:,} elements"
        )


def _formula_of(op: Op) -> Formula:
    place = place_of(op)
    if op.kind is OpKind.GAP:
        raise RefusalError(f"a part of the forward could not be seen: {op.note}")
    if not is_of_torch(op):
        raise RefusalError(
            f"{op.name}{place} is a function with a backward of its own, and is not "
            "computed again"
        )
    formula = find_formula(op)
    if formula is None:
        raise RefusalError(f"there is no formula here for {operator_of(op)}{place}")
    return formula
