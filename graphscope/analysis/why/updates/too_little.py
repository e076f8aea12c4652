"""How the finding about updates that change nothing is worded."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from graphscope.analysis.evidence.wording import amount, count, where
from graphscope.analysis.why.updates.distance import Distance, gradient_of
from graphscope.analysis.why.updates.look import Run
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace

_BITS: Final = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""How many binary digits a number of each dtype has."""
_USUAL: Final = 1e-3
"""The change per weight of an update that trains well."""


def tell_tiny(
    trace: Trace, run: Run, first: Sequence[Distance], seen: tuple[int, float]
) -> Finding:
    """Tell that no update of an optimizer changed a parameter.

    Args:
        trace: The first step.
        run: The update in it.
        first: What it did to each parameter.
        seen: How many updates there were, and the largest change per weight in them.
    """
    updates, largest = seen
    one = max(first, key=lambda d: d.gradient / d.size if d.size else 0.0)
    rate = rate_of(trace, run)
    with_rate = "" if rate is None else f" with the learning rate {amount(rate)}"
    change = (
        "no number of any parameter changes"
        if not largest
        else f"no parameter changes by more than {amount(_short(largest))} of its size"
    )
    return Finding(
        kind="tiny-update",
        title="The updates are too small to change anything",
        explanation=(
            f"The update of {run.class_name}{where(run.site)} runs "
            f"{count(updates, 'time')}{with_rate}, and {change}. The gradient of "
            f"`{one.moved.label}` is not to blame: its norm is {amount(one.gradient)} "
            f"in step {trace.step}.{_rounding(trace, one, rate)}"
        ),
        remedy=_remedy(trace, one, run, rate),
        step=trace.step,
        site=run.place,
        values=tuple(d.moved.first for d in first),
        numbers=(
            ("largest change per weight", largest),
            (f"norm of {one.moved.label}.grad", one.gradient),
            *((("lr", rate),) if rate is not None else ()),
        ),
    )


def rate_of(trace: Trace, run: Run) -> float | None:
    """Return the learning rate of an update, None where its groups have several."""
    rates = {seen.scalar for s in run.rates if (seen := trace.seen(s)) is not None}
    rate = rates.pop() if len(rates) == 1 else None
    return float(rate) if isinstance(rate, int | float) else None


def _rounding(trace: Trace, one: Distance, rate: float | None) -> str:
    """Set the largest step of gradient descent against what the weights round to."""
    gradient = gradient_of(trace, one.moved)
    before = None if one.moved.before is None else trace.seen(one.moved.before)
    if gradient is None or gradient.stats is None or before is None or rate is None:
        return ""
    dtype = trace.graph.values[one.moved.first].dtype
    steepest = max(abs(gradient.stats.minimum), abs(gradient.stats.maximum))
    stats = before.stats
    if dtype not in _BITS or stats is None or not steepest:
        return ""
    size = max(abs(stats.minimum), abs(stats.maximum))
    spacing = 2.0 ** (np.floor(np.log2(size)) + 1 - _BITS[dtype])
    return (
        f" Its largest number times the learning rate is "
        f"{amount(_short(rate * steepest))}, while next to {amount(size)}, the largest "
        f"number of `{one.moved.label}`, the next one that {dtype} has is "
        f"{amount(_short(spacing))} away: what is less than half of that is rounded "
        "away."
    )


def _remedy(trace: Trace, one: Distance, run: Run, rate: float | None) -> str:
    dtype = trace.graph.values[one.moved.first].dtype
    if dtype in ("bfloat16", "float16"):
        return (
            f"Keep the parameters in float32 and compute in {dtype} under "
            "`torch.autocast`, or use a much larger learning rate."
        )
    place = where(run.made_by)
    if rate is None or run.class_name != "SGD":
        return f"Give the optimizer{place} a much larger learning rate."
    usual = _USUAL * one.size / one.gradient
    return (
        f"Give the optimizer{place} a larger learning rate: with about "
        f"{amount(float(f'{usual:.1g}'))} an update changes `{one.moved.label}` by a "
        "thousandth of its size."
    )


def _short(number: float) -> float:
    return float(f"{number:.2g}")
