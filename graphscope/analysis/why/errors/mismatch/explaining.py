"""Asking one family of mismatches after the other about the call that raised."""

import re
from collections.abc import Sequence
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import (
    begin,
    listing,
    name_and_place,
    name_value,
)
from graphscope.analysis.traps.labels import find_label_traps
from graphscope.analysis.traps.one_sample import find_one_sample_trap
from graphscope.analysis.traps.swapped import find_swapped_traps
from graphscope.analysis.why.errors.failing import is_backward, raised_op
from graphscope.analysis.why.errors.mismatch.broadcasts import explain_broadcast
from graphscope.analysis.why.errors.mismatch.call import (
    Explain,
    Misfit,
    RaisedCall,
    type_of,
)
from graphscope.analysis.why.errors.mismatch.convolutions import (
    explain_convolution,
    explain_norm,
)
from graphscope.analysis.why.errors.mismatch.devices import explain_device
from graphscope.analysis.why.errors.mismatch.dtypes import explain_dtype
from graphscope.analysis.why.errors.mismatch.joins import explain_join
from graphscope.analysis.why.errors.mismatch.losses import explain_loss
from graphscope.analysis.why.errors.mismatch.modules import explain_module
from graphscope.analysis.why.errors.mismatch.numbers import (
    explain_mask,
    explain_number,
    explain_seed,
)
from graphscope.analysis.why.errors.mismatch.products import (
    explain_einsum,
    explain_linear,
    explain_product,
)
from graphscope.analysis.why.errors.mismatch.reshapes import explain_reshape
from graphscope.analysis.why.errors.mismatch.tracing import trace_shapes
from graphscope.analysis.why.errors.wording import (
    join_sentences,
    name_op,
    reason_of,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Value
from graphscope.model.trace import Trace

_SPEAKS_OF_IT: Final = re.compile(
    r"\b(shapes?|sizes?|dims?|dimensions?|dtypes?|scalar types?|channels|elements"
    r"|devices?|broadcast\w*|batch_size|stride|axis|axes|[0-9]+-?D|Long|Float|Double"
    r"|floating point|more than one value|must be long|index tensor"
    r"|input_size|batch number|feature number)\b"
)
_SPEAKS_OF_ANOTHER: Final = re.compile(
    r"out of (bounds|range|memory)|leaf Variable|modified (by an )?inplace"
    r"|require grad|not implemented|not supported for|more than 1 value"
    r"|should be between",
    re.IGNORECASE,
)

_FAMILIES: Final[Sequence[Explain]] = (
    explain_module,
    explain_seed,
    explain_device,
    explain_loss,
    explain_linear,
    explain_product,
    explain_einsum,
    explain_convolution,
    explain_norm,
    explain_join,
    explain_reshape,
    explain_number,
    explain_mask,
    explain_broadcast,
    explain_dtype,
)
"""Those that read shapes decide by them; a dtype is to blame where all shapes fit."""


def explain_mismatch(facts: Facts, trace: Trace) -> Finding | None:
    """Explain why the tensors of a call do not fit; None for any other error."""
    op = raised_op(trace.graph)
    if op is None or not _is_mismatch(trace.error):
        return None
    call = RaisedCall(facts, trace, op, trace.error)
    if not call.tensors or _is_told(call):
        return None
    for explain in _FAMILIES:
        misfit = explain(call)
        if misfit is not None:
            return _finding(call, misfit)
    return None if is_backward(op) else _tell_arguments(call)


def _is_mismatch(error: str) -> bool:
    is_about = _SPEAKS_OF_IT.search(error.partition(":")[2]) is not None
    return is_about and _SPEAKS_OF_ANOTHER.search(error) is None


def _is_told(call: RaisedCall) -> bool:
    """Whether one of the known traps speaks of this very call."""
    for find in (find_swapped_traps, find_label_traps, find_one_sample_trap):
        for check in find(call.facts):
            found = check(call.trace)
            if found is not None and call.op.id in found.ops:
                return True
    return False


def _finding(call: RaisedCall, misfit: Misfit) -> Finding:
    trace = call.trace
    values = [trace.graph.values[value] for value in misfit.values]
    return Finding(
        kind="mismatch",
        title=misfit.title,
        explanation=join_sentences([_tell_given(call, values), misfit.reason]),
        remedy=misfit.remedy,
        step=trace.step,
        site=call.op.site,
        values=misfit.values,
        ops=(call.op.id,),
        paths=tuple(trace_shapes(call.facts, trace, value) for value in misfit.values),
    )


def _tell_given(call: RaisedCall, values: Sequence[Value]) -> str:
    """Say what the call got, and from where."""
    known: list[str] = []
    for value in values:
        name = name_and_place(call.trace, value.id)
        kind = type_of(value)
        known.append(name if kind in name else f"{name}, {kind}")
    call_name = begin(name_op(call.facts, call.trace, call.op))
    return f"{call_name} got {_joined(known)}."


def _joined(names: Sequence[str]) -> str:
    """Join names that have commas of their own.

    >>> _joined(["`x`, f32[3]", "`y`, f32[4]"])
    '`x`, f32[3], and `y`, f32[4]'
    """
    return ", and ".join(names)


def _tell_arguments(call: RaisedCall) -> Finding:
    """Tell what the call got, where no family knows what does not fit."""
    trace = call.trace
    values = {value.id: value for value in call.tensors}
    shown = [f"{name_value(trace, v.id)} is {type_of(v)}" for v in values.values()]
    return Finding(
        kind="mismatch",
        title=f"The tensors that `{call.name}` got do not fit",
        explanation=(
            f"{begin(name_op(call.facts, trace, call.op))} raised "
            f"{reason_of(call.op, trace.error)}. {begin(listing(shown))}."
        ),
        remedy="Compare these types with what the call takes.",
        step=trace.step,
        site=call.op.site,
        values=tuple(values),
        ops=(call.op.id,),
        paths=tuple(trace_shapes(call.facts, trace, value) for value in values),
    )
