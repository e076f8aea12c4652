"""Why a value that requires a gradient got none, from its ways to the loss."""

from graphscope.analysis.why.missing.cutting import tell_cut
from graphscope.analysis.why.missing.ending import (
    tell_late,
    tell_unreached,
    tell_unused,
)
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Reason
from graphscope.analysis.why.missing.stopping import (
    tell_captured,
    tell_connected,
    tell_without_backward,
)
from graphscope.model.graph import EventKind, Value
from graphscope.model.trace import Status


def why_not_reached(look: Look, value: Value) -> Reason:
    """Return why no gradient reached a value that requires one."""
    if not look.trace.graph.roots:
        return tell_without_backward(look, value)
    captured = [e for e in look.events_of(value) if e.kind is EventKind.CAPTURE]
    if captured:
        return tell_captured(look, value, captured[-1])
    if value.id in look.flow.connected:
        return tell_connected(look, value)
    if look.flow.first_cuts.get(value.id):
        return tell_cut(look, value)
    if look.carried and look.trace.status is Status.ABORTED:
        return tell_connected(look, value)
    readers = [op for v in look.versions(value) for op in look.flow.readers(v)]
    if not readers:
        return tell_unused(look, value)
    times = [look.trace.graph.op_events.get(op.id, -1) for op in readers]
    if min(times) > look.last_backward >= 0:
        return tell_late(look, value, readers[0])
    return tell_unreached(look, value)
