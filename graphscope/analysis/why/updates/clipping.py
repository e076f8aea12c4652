"""Gradients of which clipping leaves nothing that could move a parameter.

Clipping that bites hard is its purpose: an exploding gradient may well lose all but a
thousandth. What is left then still moves the weights. Here it does not, in any update.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.wording import amount, count, listing, where
from graphscope.analysis.why.updates.distance import (
    Distance,
    distances,
    gradient_of,
    norm,
    together,
)
from graphscope.analysis.why.updates.look import Look, Run
from graphscope.analysis.why.updates.schedules import optimizer_name
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Op, OpKind, ValueKind
from graphscope.model.trace import Trace

_UPDATES: Final = 2
_KEPT: Final = 0.01
"""More than a hundredth of the gradient is clipped moderately."""
_LIMIT: Final = 0.01
"""Limits in use are 0.1 to 10: what is above a hundredth is somebody's choice."""
_MOVE: Final = 1e-4
"""Weights that change by a ten-thousandth learn, if slowly."""


@dataclass(slots=True)
class _Clipped:
    """An optimizer whose gradients were clipped to nothing in every update so far."""

    run: Run
    trace: Trace
    summed: float
    used: float
    updates: int = 0
    largest: float = 0.0
    is_refuted: bool = False


class ClippingPart:
    """Follows optimizers until one update is not clipped to nothing."""

    def __init__(self) -> None:
        self._followed: dict[object, _Clipped] = {}

    def see(self, trace: Trace, look: Look) -> None:
        """Compare the gradients that an update used with what had arrived."""
        for run in look.runs:
            known = self._followed.get(run.key)
            if known is not None and known.is_refuted:
                continue
            found = _clipped(trace, run)
            if known is None:
                summed, used, _ = found or (0.0, 0.0, 0.0)
                known = self._followed[run.key] = _Clipped(run, trace, summed, used)
            known.updates += 1
            known.is_refuted = found is None
            if found is not None:
                known.largest = max(known.largest, found[2])

    def finish(self) -> Iterator[Finding]:
        """Tell of what was clipped away in every update."""
        for one in self._followed.values():
            if not one.is_refuted and one.updates >= _UPDATES:
                yield _tell(one)


def _clipped(trace: Trace, run: Run) -> tuple[float, float, float] | None:
    """Return the norms before and after clipping, and the largest change of weights.

    None where the gradients were clipped moderately, or not at all.
    """
    if not run.moved or all(moved.used is None for moved in run.moved):
        return None
    pairs = [
        (norm(gradient_of(trace, one, summed=True)), norm(gradient_of(trace, one)))
        for one in run.moved
    ]
    if any(a is None or b is None for a, b in pairs):
        return None
    summed = together(a for a, _ in pairs if a is not None)
    used = together(b for _, b in pairs if b is not None)
    if not summed or used > _KEPT * summed or used > _LIMIT:
        return None
    found = [one for one in distances(trace, run) if one is not None]
    change = _largest(found)
    is_nothing = used == 0 or (change is not None and change < _MOVE)
    return (summed, used, change or 0.0) if is_nothing else None


def _largest(found: list[Distance]) -> float | None:
    """Return the largest change per weight, None where it is not known of all."""
    ratios = [one.ratio for one in found if one.size]
    known = [ratio for ratio in ratios if ratio is not None]
    return max(known, default=None) if len(known) == len(ratios) else None


def _tell(one: _Clipped) -> Finding:
    run, trace = one.run, one.trace
    clip = changing_op(trace.graph, run.event)
    scale = _scale(trace)
    site = run.site if clip is None else clip.site
    names = listing([f"`{moved.label}`" for moved in run.moved])
    by = "Something" if clip is None else f"Clipping{where(site)}"
    left = "nothing" if not one.used else f"a norm of {amount(one.used)}"
    return Finding(
        kind="clipped-to-nothing",
        title="Clipping leaves nothing of the gradients",
        explanation=(
            f"In step {trace.step} backward leaves gradients of norm "
            f"{amount(one.summed)} in {names}. {by} makes {left} of it before the "
            f"update{where(run.site)} uses it.{_effect(one)}{_scaled(one, scale)}"
        ),
        remedy=_remedy(one, scale),
        step=trace.step,
        site=site,
        values=tuple(moved.first for moved in run.moved),
        ops=() if clip is None else (clip.id,),
        numbers=(("norm before clipping", one.summed), ("norm after", one.used)),
    )


def _effect(one: _Clipped) -> str:
    updates = f"all {count(one.updates, 'update')}"
    if not one.largest:
        return f" So it is in {updates}, and no weight changes."
    share = amount(float(f"{one.largest:.2g}"))
    return (
        f" So it is in {updates}: none of them changes a parameter by more than "
        f"{share} of its size."
    )


def _scaled(one: _Clipped, scale: float | None) -> str:
    if scale is None or not one.used:
        return ""
    return (
        f" The loss was multiplied by the scale {amount(scale)}, and the gradients "
        f"were still {amount(scale)} times as large when they were clipped; divided by "
        "the scale afterwards, only this is left."
    )


def _remedy(one: _Clipped, scale: float | None) -> str:
    if scale is not None and one.used:
        expression = "" if one.run.site is None else one.run.site.expression
        scaler, _, _ = expression.partition(".step(")
        call = f"{scaler or 'scaler'}.unscale_({optimizer_name(expression)})"
        return f"Call `{call}` before the gradients are clipped."
    if not one.used:
        return (
            "Leave the clipping out where it is not wanted: a limit of 0 does not "
            "switch it off, it makes every gradient 0."
        )
    usual = float(f"{one.summed:.1g}")
    return (
        f"Use a limit near the usual size of the gradient, here about "
        f"{amount(usual)}, or none."
    )


def changing_op(graph: Graph, event: int) -> Op | None:
    """Return the last op of the user's that changed gradients in place."""
    found = None
    for op in graph.ops:
        if graph.op_events.get(op.id, event) >= event:
            break
        if op.kind is OpKind.COMPUTE and any(
            graph.values[v].kind is ValueKind.GRADIENT
            and graph.values[v].previous is not None
            for v in op.outputs
        ):
            found = op
    return found


def _scale(trace: Trace) -> float | None:
    """Return what a `GradScaler` multiplied the loss by, None without one."""
    graph = trace.graph
    for root in graph.roots:
        made = graph.values[root].op
        op = None if made is None else graph.ops[made]
        if op is None or op.site is None or ".scale(" not in op.site.expression:
            continue
        for value in op.inputs[1:]:
            seen = trace.value_of(value)
            number = None if seen is None else seen.scalar
            if isinstance(number, int | float) and number > 1:
                return float(number)
    return None
