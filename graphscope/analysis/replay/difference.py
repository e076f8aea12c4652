"""A gradient from the forward alone: a central finite difference through the recording.

Autograd multiplies local derivatives; this moves one number of the leaf, computes the
recorded forward again, and looks at what the root does. The two share nothing but the
recorded numbers, and so one checks the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from typing import Final

import numpy as np

from graphscope.analysis.replay.evaluate import make_machine
from graphscope.analysis.replay.function import Function
from graphscope.analysis.replay.numbers import is_kept, read_recorded
from graphscope.analysis.replay.plan import Plan, is_continuous, plan_with_cuts
from graphscope.analysis.replay.refusal import RefusalError
from graphscope.analysis.replay.reproduction import check_reproduction
from graphscope.analysis.replay.slopes import Slope
from graphscope.model.graph import Op
from graphscope.model.numbers import format_number
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

MAX_ELEMENTS: Final = 64
"""Elements up to which each is moved by itself; larger leaves along one direction."""

MAX_COMPUTED: Final = 100_000
"""Ops that are computed, all runs together, for a gradient element by element."""

_RUNS: Final = 5
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
        direction: For leaves of more than 64 elements, and where very many ops lie in
            between: along which direction, best that of the gradient to check.
            Without one it is a fixed one.
    """
    notes: tuple[str, ...] = ()
    try:
        for value in (leaf, root):
            _require_continuous(trace, value)
        plan, cuts = plan_with_cuts(trace.graph, leaf, root)
        notes = _cut_notes(trace, (leaf, root), cuts)
        with np.errstate(all="ignore"):  # what is not finite is looked for
            found = _difference(trace, plan, np.asarray(seed) * 1.0, direction)
    except RefusalError as refusal:
        return Difference(reason=refusal.reason, notes=notes)
    return replace(found, notes=(*notes, *found.notes))


def _require_continuous(trace: Trace, value: int) -> None:
    record = trace.graph.values[value]
    if not is_continuous(record):
        raise RefusalError(
            f"{trace.title_of(value)} is {record.dtype}, and has no derivative"
        )
    if not is_kept(trace, value):
        return
    numbers = read_recorded(trace, value)
    if not np.isfinite(numbers).all():
        bad = format_number(numbers[~np.isfinite(numbers)][0].item())
        raise RefusalError(f"{trace.title_of(value)} is {bad}, and has no derivative")


def _cut_notes(
    trace: Trace, ends: tuple[int, int], cuts: Sequence[Op]
) -> tuple[str, ...]:
    if not cuts:
        return ()
    places = list(dict.fromkeys(_cut_text(op) for op in cuts))
    shown = ", ".join(places[:_SHOWN])
    if len(places) > _SHOWN:
        shown += f" and {len(places) - _SHOWN} more"
    way = " to ".join(trace.title_of(value) for value in ends)
    count = f"1 result on the way from {way} is held as recorded"
    if len(cuts) > 1:
        count = f"{len(cuts)} results on the way from {way} are held as recorded"
    return (f"{count}, as autograd does: {shown}",)


def _cut_text(op: Op) -> str:
    what = op.cut or f"{op.name} under no_grad"
    if op.cut.endswith("result"):
        what = f"{op.name} ({op.cut})"
    return f"{what} at {op.site.short}" if op.site is not None else what


def _difference(
    trace: Trace, plan: Plan, seed: Array, direction: Array | None
) -> Difference:
    root, (leaf,) = plan.root, plan.starts
    if seed.shape != trace.graph.values[root].shape or not np.isfinite(seed).all():
        raise RefusalError("what backward started with does not fit its root")
    if leaf == root:
        return Difference(gradient=seed, error=0.0)
    start = read_recorded(trace, leaf)
    if not plan.steps:
        way = f"{trace.title_of(leaf)} to {trace.title_of(root)}"
        note = f"nothing that carries a gradient leads from {way}"
        return Difference(np.zeros_like(start), error=0.0, notes=(note,))
    machine = make_machine(trace, plan)
    exact = machine.run({leaf: start})
    corrections = check_reproduction(machine, exact)
    function = Function(machine, leaf, seed, start, exact, corrections)
    if start.size > MAX_ELEMENTS:
        return _along(function, direction)
    if start.size * _RUNS * len(plan.steps) <= MAX_COMPUTED:
        return _by_element(function)
    note = f"{len(plan.steps):,} ops lie in between: along one direction only"
    return replace(_along(function, direction), notes=(note,))


def _by_element(function: Function) -> Difference:
    start = function.start
    gradient = np.zeros_like(start)
    error = 0.0
    for index in np.ndindex(start.shape):
        scale = max(float(abs(start[index])), function.usual_size)
        for unit in (1, 1j) if np.iscomplexobj(start) else (1,):
            direction = np.zeros_like(start)
            direction[index] = unit
            slope = function.measure(direction, scale)
            gradient[index] += unit * slope.value
            error = max(error, slope.error)
    function.require_sure(error, float(np.abs(gradient).max(initial=0.0)))
    size = float(np.sqrt((np.abs(gradient) ** 2).sum()))
    along = gradient / size if size else np.full_like(start, 1 / sqrt(start.size or 1))
    error += function.effect_of_forward(along, Slope(size, error))
    error += function.effect_of_rounding(gradient)
    return Difference(gradient, error=error)


def _along(function: Function, direction: Array | None) -> Difference:
    along = _unit(function.start, direction)
    slope = function.measure(along, function.width)
    function.require_sure(slope.error, abs(slope.value))
    error = slope.error + function.effect_of_forward(along, slope)
    error += function.effect_of_rounding()
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
