"""Operators that take some numbers and leave others: where, maximum, max, sorting."""

from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.reading import data_of
from graphscope.analysis.evidence.wording import begin, count, name_value
from graphscope.analysis.why.vanishing.causes.cause import Cause, Stop

_PAIRS: Final = frozenset({"maximum", "minimum", "fmax", "fmin"})
_TAKERS: Final = frozenset(
    {"getitem", "index_select", "gather", "take", "masked_select", "masked_fill"}
    | {"topk", "sort", "kthvalue", "median", "select", "narrow", "amax", "amin"}
    | {"embedding", "max_pool1d", "max_pool2d", "max_pool3d", "take_along_dim"}
    | {"nanmedian", "mode", "index_put", "setitem", "masked_scatter", "scatter"}
)
_EXTREMES: Final = frozenset({"max", "min"})
_WHERE: Final = 3


def explain_where(stop: Stop) -> Cause | None:
    """Explain a branch of `torch.where` that is never taken."""
    inputs = stop.op.inputs
    if not inputs:
        return None
    condition = inputs[0]
    seen = stop.trace.value_of(condition)
    stats = None if seen is None else seen.stats
    if stats is None:
        return None
    name = name_value(stop.trace, condition)
    true = stats.numel - stats.zeros
    is_first = len(inputs) < _WHERE or stop.source == inputs[1]
    places = f"{true:,} of {count(stats.numel, 'place')}"
    taken = "is taken where it is true" if is_first else "is taken where it is false"
    return Cause(
        short="never takes this branch",
        text=(
            f"{begin(stop.call)} takes nothing of {stop.name}: it {taken}, and {name} "
            f"is true in {places}."
        ),
        remedy=f"Look at {name}: it chooses the same branch everywhere.",
        numbers=(("places where it is true", float(true)),),
    )


def explain_pair(stop: Stop) -> Cause | None:
    """Explain the smaller one in a maximum."""
    others = [v for v in stop.op.inputs if v != stop.source]
    if not others:
        return explain_taking(stop)
    other = name_value(stop.trace, others[0])
    is_max = plain_name(stop.op) in ("max", "maximum", "fmax")
    mine, theirs = data_of(stop.trace, stop.source), data_of(stop.trace, others[0])
    every = ""
    if mine is not None and theirs is not None:
        size = np.broadcast(mine, theirs).size
        every = f" in {'each of ' * (size > 1)}{count(size, 'place')}"
    which = "larger" if is_max else "smaller"
    return Cause(
        short=f"takes {other} everywhere",
        text=(
            f"{begin(stop.call)} takes nothing of {stop.name}: {other} is {which}"
            f"{every}."
        ),
        remedy=(
            f"Use a smooth {'maximum (`torch.logaddexp`)' if is_max else 'minimum'}, "
            f"or look at why {stop.name} is never chosen."
        ),
    )


def explain_taking(stop: Stop) -> Cause:
    """Explain numbers that an op did not take."""
    return Cause(
        short="takes other numbers",
        text=(
            f"{begin(stop.call)} takes some numbers of {stop.name}, and the gradient "
            "that arrives belongs to none of them."
        ),
        remedy=f"Look at which entries of {stop.name} are chosen.",
    )


RULES: Final = {
    "where": explain_where,
    **dict.fromkeys(_PAIRS | _EXTREMES, explain_pair),
    **dict.fromkeys(_TAKERS, explain_taking),
}
