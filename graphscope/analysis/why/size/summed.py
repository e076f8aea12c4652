"""A loss that explodes because it adds up its samples instead of averaging them.

A sum over the samples is no fault by itself: with a learning rate that fits, it trains
as well as their mean. It is one where the very same learning rate would be small enough
for the mean, and is too large for the sum.
"""

from collections.abc import Sequence
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import (
    amount,
    begin,
    name_and_place,
    name_call,
    where,
)
from graphscope.analysis.traps.descent import Update
from graphscope.analysis.why.size.form import Form, form_of
from graphscope.model.finding import Finding

_DIVERGES: Final = 2.0
"""Gradient descent diverges where the learning rate times the curvature is larger.

Source: for f(w) = c·w²/2 an update takes w to (1 − lr·c)·w, which grows beyond 2.
"""


def find_summed_loss(updates: Sequence[Update], growth: str) -> Finding | None:
    """Return a finding when a loss that explodes would not do so as a mean.

    Args:
        updates: The first updates of the explosion.
        growth: How the loss grew, as a part of a sentence: `1, 20 and 400 in steps …`.
    """
    first = updates[0]
    trace, rate, curvature = first.first, first.rate, first.curvature
    if not trace.graph.roots or rate is None or curvature is None:
        return None
    root = trace.graph.roots[-1]
    form = form_of(Facts(trace.graph), trace, root)
    if form is None or not form.is_sum:
        return None
    is_too_large = rate * curvature > _DIVERGES
    if not is_too_large or rate * curvature / form.samples >= _DIVERGES:
        return None
    return _finding(updates, form, growth, curvature)


def _finding(
    updates: Sequence[Update], form: Form, growth: str, curvature: float
) -> Finding:
    last = updates[-1].second
    trace, rate = updates[0].first, updates[0].rate or 0.0
    root, n = trace.graph.roots[-1], form.samples
    loss = name_and_place(trace, root)
    return Finding(
        kind="summed-loss",
        title=f"The loss is the sum over {n} samples, and it explodes",
        explanation=(
            f"{begin(loss)} is {growth}. {begin(name_call(trace, form.op))} adds up "
            f"{n} samples, so its gradient is {n} times that of their mean. Along the "
            f"first update the gradient changes by {amount(curvature)} for each unit "
            f"of the way: gradient descent diverges from a learning rate of "
            f"2 / {amount(curvature)} = {_bound(curvature)} on, and it is "
            f"{amount(rate)}. Of the mean it would diverge from "
            f"{_bound(curvature / n)} on."
        ),
        remedy=_remedy(form, rate),
        step=last.step,
        site=form.op.site,
        values=(root,),
        ops=(form.op.id,),
        numbers=(
            ("samples", float(n)),
            ("learning rate", rate),
            ("curvature along the first update", curvature),
        ),
    )


def _bound(curvature: float) -> str:
    return amount(float(f"{_DIVERGES / curvature:.2g}"))


def _remedy(form: Form, rate: float) -> str:
    mean = "`.mean()`" if form.op.name == "sum" else "`reduction='mean'`"
    smaller = amount(float(f"{rate / form.samples:.2g}"))
    return (
        f"Average the samples with {mean}{where(form.op.site)}, or divide the learning "
        f"rate by their number: {smaller}."
    )
