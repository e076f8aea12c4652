"""How the finding about updates that wipe the weights out is worded."""

from collections.abc import Sequence

from graphscope.analysis.evidence.wording import amount, listing, where
from graphscope.analysis.why.updates.distance import Distance
from graphscope.analysis.why.updates.look import Run
from graphscope.analysis.why.updates.too_little import rate_of
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace

_SHOWN = 4


def tell_huge(
    trace: Trace, run: Run, first: Sequence[Distance], losses: Sequence[float]
) -> Finding:
    """Tell that the first update of an optimizer replaced the weights.

    Args:
        trace: The first step.
        run: The update in it.
        first: What it did to each parameter.
        losses: From that step on.
    """
    known = [one for one in first if one.ratio is not None]
    worst = max(known, key=lambda one: (len(_shape(trace, one)) > 1, one.ratio or 0.0))
    rate = rate_of(trace, run)
    with_rate = "" if rate is None else f" with the learning rate {amount(rate)}"
    ratio = worst.ratio or 0.0
    shown = [amount(loss) for loss in losses[:_SHOWN]]
    root = trace.graph.roots[-1] if trace.graph.roots else None
    return Finding(
        kind="huge-update",
        title="The updates are far larger than the weights that they change",
        explanation=(
            f"The first update of {run.class_name}{where(run.site)}{with_rate} changes "
            f"`{worst.moved.label}`, whose norm is {amount(worst.size)}, by "
            f"{amount(worst.way or 0.0)}: {amount(float(f'{ratio:.2g}'))} times its "
            "size, where about a thousandth is usual. Nothing is left of the numbers "
            f"that it started from, and the loss, {shown[0]} before it, is larger in "
            f"every step after it: {listing(shown[1:])} in the next {len(shown) - 1}."
        ),
        remedy=_remedy(run, rate, ratio),
        step=trace.step,
        site=run.place,
        values=(
            *(() if root is None else (root,)),
            worst.moved.first,
        ),
        numbers=tuple(
            (f"change of {one.moved.label} per weight", one.ratio or 0.0)
            for one in known
        ),
    )


def _shape(trace: Trace, one: Distance) -> tuple[int, ...]:
    return trace.graph.values[one.moved.first].shape


def _remedy(run: Run, rate: float | None, ratio: float) -> str:
    place = where(run.made_by)
    if rate is None:
        return f"Give the optimizer{place} a much smaller learning rate."
    usual = float(f"{rate * 1e-3 / ratio:.0e}")
    return (
        f"Give the optimizer{place} a smaller learning rate: with about "
        f"{amount(usual)} an update changes that weight by a thousandth of its size."
    )
