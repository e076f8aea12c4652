"""Batch normalisation of a single sample: there is nothing to take a variance of.

Mostly the last batch of an epoch, when the number of samples is one more than a
multiple of the batch size.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from graphscope.analysis.evidence.calling import call_of_model
from graphscope.analysis.evidence.facts import Check, Facts, plain_name
from graphscope.analysis.evidence.wording import name_value, where
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind, Value
from graphscope.model.numbers import format_type
from graphscope.model.trace import Trace

_COMPLAINT: Final = "Expected more than 1 value per channel when training"


def find_one_sample_trap(facts: Facts) -> Iterator[Check]:
    """Yield a check of a batch_norm that has raised."""
    for op in facts.graph.ops:
        is_raised = op.kind is OpKind.GAP and plain_name(op) == "batch_norm"
        if is_raised and _COMPLAINT in op.note and op.inputs:
            yield partial(_tell, facts, op)


def _tell(facts: Facts, op: Op, trace: Trace) -> Finding:
    given = facts.graph.values[op.inputs[0]]
    layer = f"The layer `{op.scope}`" if op.scope else "batch_norm"
    site = call_of_model(op.site)
    return Finding(
        kind="one-sample-batch-norm",
        title="Batch normalisation in training mode gets a single sample",
        explanation=(
            f"{layer}{where(op.site)} normalises with mean and variance of the batch, "
            f"and its input, {_describe(trace, given)}, has one value for each channel:"
            f" their variance is 0, so torch refuses.{_batch(facts, given)}"
        ),
        remedy=(
            "Leave such a batch out, as with `DataLoader(…, drop_last=True)`, or call "
            "the model in `eval()` mode where it is only asked for a prediction."
        ),
        step=trace.step,
        site=site,
        values=(given.id,),
        ops=(op.id,),
        numbers=(("samples in the batch", float(given.shape[0])),),
    )


def _describe(trace: Trace, given: Value) -> str:
    kind = format_type(given.dtype, given.shape)
    name = name_value(trace, given.id)
    return name if kind in name else f"{name} {kind}"


def _batch(facts: Facts, given: Value) -> str:
    """Name the data that the model was called with."""
    data = [
        value
        for value in facts.ancestors(given.id)
        if value.name
        and not value.requires_grad
        and value.shape[:1] == given.shape[:1]
        and facts.is_given(value.id)
    ]
    return f" The batch is `{data[0].name}`{where(data[0].site)}." if data else ""
