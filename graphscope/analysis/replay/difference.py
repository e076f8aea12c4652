"""A gradient from the forward alone: a central finite difference through the recording.

Autograd multiplies local derivatives; this moves one number of the leaf, computes the
recorded forward again, and looks at what the root does. The two share nothing but the
recorded numbers, and so one checks the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from typing import Final

import numpy as np

from graphscope.analysis.replay.evaluate import make_machine
from graphscope.analysis.replay.kinks import describe_crossing
from graphscope.analysis.replay.machine import Branches, Corrections, Machine
from graphscope.analysis.replay.numbers import read_recorded
from graphscope.analysis.replay.plan import find_cuts, is_continuous, make_plan
from graphscope.analysis.replay.refusal import RefusalError
from graphscope.analysis.replay.reproduction import check_reproduction
from graphscope.analysis.replay.rounding import describe_rounding
from graphscope.analysis.replay.slopes import Sample, Slope, measure_slope
from graphscope.model.graph import Op
from graphscope.model.numbers import format_number
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

MAX_ELEMENTS: Final = 64
"""Elements up to which each is moved by itself; larger leaves along one direction."""

MAX_RUNS: Final = 100_000
"""Ops that are computed, all runs together, for a gradient element by element."""

_RUNS: Final = 4
_UNSURE: Final = 0.01
_NOTHING: Final = 1e-6
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """What a finite difference says of a gradient.

    Attributes:
        gradient: d(seed . root) / d leaf, of the leaf's shape; for a complex leaf as
            torch has it, d/d(real part) + i d/d(imaginary part). None with a reason,
            and for leaves of more than 64 elements.
        directional: For those the derivative along `direction`.
        direction: Where to: a unit vector of the leaf's shape.
        error: An estimate by how much an element may be wrong: of the difference
            itself, and of what rounding of the recorded forward does to a gradient.
        reason: Empty, or one sentence why no finite difference makes sense here.
        notes: What else to know: on which ways of the data the gradient stops.
    """

    gradient: Array | None = None
    directional: float | None = None
    direction: Array | None = None
    error: float | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


def finite_difference(
    trace: Trace,
    leaf: int,
    root: int,
    seed: Array,
    *,
    direction: Array | None = None,
) -> Difference:
    """Differentiate `seed . root` by `leaf`, without asking autograd.

    Args:
        trace: The step.
        leaf: Id of the value to differentiate by; any value, not only a leaf.
        root: Id of the value that is differentiated.
        seed: What backward starts with, of root's shape: ones for a scalar loss.
        direction: For leaves of more than 64 elements: along which direction, best
            that of the gradient to check. Without one it is a fixed one.
    """
    notes: tuple[str, ...] = ()
    try:
        _require_continuous(trace, leaf, root)
        notes = _cut_notes(trace, leaf, root)
        found = _difference(trace, (leaf, root), seed, direction)
    except RefusalError as refusal:
        return Difference(reason=refusal.reason, notes=notes)
    return replace(found, notes=(*notes, *found.notes))


def _require_continuous(trace: Trace, leaf: int, root: int) -> None:
    for value in (leaf, root):
        record = trace.graph.values[value]
        if not is_continuous(record):
            raise RefusalError(
                f"{trace.title_of(value)} is {record.dtype}, and has no derivative"
            )


def _cut_notes(trace: Trace, leaf: int, root: int) -> tuple[str, ...]:
    plan = make_plan(trace.graph, [leaf], root, as_autograd=True)
    cuts = find_cuts(trace.graph, plan)
    if not cuts:
        return ()
    places = list(dict.fromkeys(_cut_text(op) for op in cuts))
    shown = ", ".join(places[:_SHOWN])
    if len(places) > _SHOWN:
        shown += f" and {len(places) - _SHOWN} more"
    count = "1 result is" if len(cuts) == 1 else f"{len(cuts)} results are"
    ends = f"{trace.title_of(leaf)} to {trace.title_of(root)}"
    note = f"on the way from {ends} {count} held at the recorded numbers, as autograd "
    return (note + f"does: {shown}",)


def _cut_text(op: Op) -> str:
    what = op.cut or f"{op.name} under no_grad"
    if op.cut.endswith("result"):
        what = f"{op.name} ({op.cut})"
    return f"{what} at {op.site.short}" if op.site is not None else what


@dataclass(frozen=True, slots=True)
class _Function:
    """`seed . root` as a function of the leaf.

    Attributes:
        start: The recorded numbers of the leaf.
        exact: All values there, without any rounding.
        corrections: What rounding did to the recorded ones.
    """

    machine: Machine
    leaf: int
    seed: Array
    start: Array
    exact: dict[int, Array]
    corrections: Corrections

    def probe(
        self, direction: Array, corrections: Corrections | None = None
    ) -> Callable[[float], Sample]:
        """Return the function along a straight line through the recorded numbers."""

        def sample(step: float) -> Sample:
            branches: Branches = []
            values = self.machine.run(
                {self.leaf: self.start + step * direction},
                corrections=corrections,
                branches=branches,
            )
            terms = (np.conj(self.seed) * values[self.machine.plan.root]).real
            return Sample(float(terms.sum()), float(np.abs(terms).sum()), branches)

        return sample

    def measure(self, direction: Array, scale: float) -> Slope:
        """Return the slope along a direction.

        Raises:
            RefusalError: There is none.
        """
        found = measure_slope(self.probe(direction), scale)
        self.require_smooth(found, self.exact)
        return found

    def require_smooth(self, slope: Slope, numbers: dict[int, Array]) -> None:
        """Refuse where the function has no derivative."""
        if isfinite(slope.error) or slope.crossing is None:
            return
        raise RefusalError(describe_crossing(self.machine, slope.crossing, numbers))


def _difference(
    trace: Trace, ends: tuple[int, int], seed: Array, direction: Array | None
) -> Difference:
    leaf, root = ends
    start = read_recorded(trace, leaf)
    wide_seed = np.asarray(seed) * 1.0
    plan = make_plan(trace.graph, [leaf], root, as_autograd=True)
    if leaf == root:
        return Difference(gradient=wide_seed, error=0.0)
    if not plan.steps:
        note = f"nothing that carries a gradient leads from {trace.title_of(leaf)} to "
        note += trace.title_of(root)
        return Difference(np.zeros_like(start), error=0.0, notes=(note,))
    machine = make_machine(trace, plan)
    exact = machine.run({leaf: start})
    corrections = check_reproduction(machine, exact)
    _require_finite(trace, root, exact[root])
    function = _Function(machine, leaf, wide_seed, start, exact, corrections)
    is_small = start.size <= MAX_ELEMENTS
    if is_small and start.size * _RUNS * len(plan.steps) <= MAX_RUNS:
        return _by_element(function)
    return _along(function, direction)


def _require_finite(trace: Trace, root: int, numbers: Array) -> None:
    if not np.isfinite(numbers).all():
        bad = format_number(numbers[~np.isfinite(numbers)][0].item())
        raise RefusalError(f"{trace.title_of(root)} is {bad}, and has no derivative")


def _by_element(function: _Function) -> Difference:
    start = function.start
    gradient = np.zeros_like(start)
    usual = _usual_size(start)
    error = 0.0
    for index in np.ndindex(start.shape):
        scale = max(float(abs(start[index])), usual)
        for unit in (1, 1j) if np.iscomplexobj(start) else (1,):
            direction = np.zeros_like(start)
            direction[index] = unit
            slope = function.measure(direction, scale)
            gradient[index] += unit * slope.value
            error = max(error, slope.error)
    size = float(np.sqrt((np.abs(gradient) ** 2).sum()))
    _require_sure(function, error, float(np.abs(gradient).max(initial=0.0)))
    along = gradient / size if size else np.full_like(start, 1 / sqrt(start.size or 1))
    error += _rounding_effect(function, along, size)
    return Difference(gradient=gradient, error=float(error))


def _along(function: _Function, direction: Array | None) -> Difference:
    along = _unit(function.start, direction)
    scale = _usual_size(function.start) * sqrt(along.size)
    slope = function.measure(along, scale)
    _require_sure(function, slope.error, abs(slope.value))
    error = slope.error + _rounding_effect(function, along, slope.value)
    return Difference(directional=slope.value, direction=along, error=error)


def _unit(start: Array, direction: Array | None) -> Array:
    """Return the direction as a unit vector; without one a fixed one of no meaning."""
    found = (
        np.random.default_rng(0).standard_normal(start.shape)
        if direction is None
        else np.asarray(direction) * 1.0
    )
    size = float(np.sqrt((np.abs(found) ** 2).sum()))
    if found.shape != start.shape or not isfinite(size) or size == 0:
        raise RefusalError("the direction has no length or not the shape of the leaf")
    return np.asarray(found / size)


def _usual_size(numbers: Array) -> float:
    """Return the root of the mean square, 1 where all of it is 0."""
    if not numbers.size:
        return 1.0
    return float(np.sqrt((np.abs(numbers) ** 2).mean())) or 1.0


def _require_sure(function: _Function, error: float, size: float) -> None:
    """Refuse a difference that differences of another width contradict."""
    if error <= _UNSURE * size or error <= _smallest(function):
        return
    root = function.machine.trace.title_of(function.machine.plan.root)
    raise RefusalError(
        f"{root} is not smooth enough there: differences of several widths disagree by "
        f"{format_number(error)}"
    )


def _smallest(function: _Function) -> float:
    """Return a derivative that is none, for numbers of this size."""
    root = function.exact[function.machine.plan.root]
    whole = float(np.abs(np.conj(function.seed) * root).sum())
    return _NOTHING * whole / _usual_size(function.start)


def _rounding_effect(function: _Function, along: Array, expected: float) -> float:
    """Return by how much rounding of the recorded numbers changes the derivative.

    Autograd differentiates at the numbers that were computed, each of them rounded.
    """
    scale = _usual_size(function.start) * sqrt(along.size or 1)
    found = measure_slope(function.probe(along, function.corrections), scale)
    if found.crossing is not None and found.crossing.step is not None:
        function.require_smooth(found, _recorded_values(function))
    effect = abs(found.value - expected) if isfinite(found.error) else np.inf
    if effect > _UNSURE * abs(expected) + _smallest(function):
        raise RefusalError(describe_rounding(function.machine, function.exact))
    return float(effect)


def _recorded_values(function: _Function) -> dict[int, Array]:
    corrections = function.corrections
    start = {function.leaf: function.start}
    return function.machine.run(start, corrections=corrections)
