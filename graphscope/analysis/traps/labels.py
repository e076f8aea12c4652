"""Labels that are not among the classes: 1 to 3 for three of them."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from graphscope.analysis.evidence.facts import Check, Facts, Loss
from graphscope.analysis.evidence.reading import data_of
from graphscope.analysis.evidence.wording import (
    begin,
    code_of,
    count,
    name_and_place,
    name_call,
    name_value,
)
from graphscope.model.finding import Finding
from graphscope.model.observation import Stats
from graphscope.model.trace import Trace

_CLASSIFYING: Final = frozenset({"cross_entropy", "nll_loss"})
_BATCHED: Final = 2


def find_label_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each loss of class labels that raised."""
    for loss in facts.losses:
        target = facts.graph.values[loss.target]
        is_labels = target.dtype in ("int64", "uint8", "int32")
        if loss.has_raised and loss.name in _CLASSIFYING and is_labels:
            yield partial(_judge, facts, loss)


def _judge(facts: Facts, loss: Loss, trace: Trace) -> Finding | None:
    shape = facts.graph.values[loss.input].shape
    seen = trace.value_of(loss.target)
    stats = None if seen is None else seen.stats
    if not shape or stats is None or not stats.numel:
        return None
    classes = shape[1] if len(shape) >= _BATCHED else shape[0]
    if not _is_outside(trace, loss, stats, classes):
        return None
    lowest, highest = int(stats.minimum), int(stats.maximum)
    error = loss.op.note.removeprefix("raised ")
    scores = count(classes, "score")
    kinds = "1 class" if classes == 1 else f"{classes} classes"
    return Finding(
        kind="labels-out-of-range",
        title=f"{_span(lowest, highest)} for {kinds}",
        explanation=(
            f"{name_call(trace, loss.op)} raised {error.rstrip('.')}. The labels "
            f"{name_and_place(trace, loss.target)} "
            f"{_range(lowest, highest)}"
            f"{_how_many(trace, loss, classes)}. "
            f"{begin(name_and_place(trace, loss.input))} has {scores} for each sample, "
            f"so the classes are numbered 0 to {classes - 1}."
        ),
        remedy=_remedy(trace, loss, stats, classes),
        step=trace.step,
        site=loss.op.site,
        values=(loss.target, loss.input),
        ops=(loss.op.id,),
    )


def _span(lowest: int, highest: int) -> str:
    """Write which labels there are, for a title.

    >>> _span(1, 3), _span(3, 3)
    ('Labels from 1 to 3', 'Label 3')
    """
    return (
        f"Label {lowest}"
        if lowest == highest
        else (f"Labels from {lowest} to {highest}")
    )


def _range(lowest: int, highest: int) -> str:
    return f"are {lowest}" if lowest == highest else f"go from {lowest} to {highest}"


def _is_outside(trace: Trace, loss: Loss, stats: Stats, classes: int) -> bool:
    """Whether a label is no class; the one that the loss ignores may be anything."""
    labels = data_of(trace, loss.target)
    if labels is None:
        lowest = 0 if loss.ignored == stats.minimum else stats.minimum
        return lowest < 0 or (
            stats.maximum >= classes and stats.maximum != loss.ignored
        )
    used = labels[labels != loss.ignored]
    return bool(((used < 0) | (used >= classes)).any())


def _how_many(trace: Trace, loss: Loss, classes: int) -> str:
    labels = data_of(trace, loss.target)
    if labels is None:
        return ""
    outside = int(((labels < 0) | (labels >= classes)).sum())
    return f", and {outside} of {labels.size} are no class"


def _remedy(trace: Trace, loss: Loss, stats: Stats, classes: int) -> str:
    name, shown = code_of(trace, loss.target), name_value(trace, loss.target)
    if stats.minimum >= 1 and stats.maximum == classes:
        shifted = f"`{name} - 1`" if name else f"{shown} minus 1"
        return f"Number the classes from 0: give the loss {shifted}."
    if stats.minimum < 0:
        return (
            f"Number the classes in {shown} from 0 to {classes - 1}; samples without a "
            "label need the number that `ignore_index` names."
        )
    return (
        f"Number the classes in {shown} from 0 to {classes - 1}, or give the model "
        f"{int(stats.maximum) + 1} outputs."
    )
