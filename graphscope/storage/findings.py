"""Which steps a recording keeps longest when it has to be thinned.

Separate, because it is the one judgement about a step in this folder. Every step is
asked, so the question goes to its bytes, not to one object for each tensor.
"""

from graphscope.model.packed import PackedNumbers, is_finite
from graphscope.model.trace import Status, Trace
from graphscope.storage.layout import COUNT, Kept, SlotTable


def has_finding(trace: Trace, table: SlotTable, body: bytes) -> bool:
    """Whether a step shows something suspicious.

    It was aborted, has a gap, or a tensor in it holds a NaN or an Inf.

    Args:
        trace: The step.
        table: The slots of its graph.
        body: Its encoded numbers.
    """
    if trace.status is Status.ABORTED or trace.graph.gaps:
        return True
    seen = trace.observations
    if isinstance(seen, PackedNumbers) and seen.is_finite:
        return False  # known since it was read
    start = COUNT.size + COUNT.size * COUNT.unpack_from(body)[0]
    end = start + len(table)
    statuses = body[start:end]
    bad = table.scan.find(body, end, table.offsets(statuses), statuses)
    if next(bad, None) is not None:
        return True
    others = (slot for slot, kept in enumerate(statuses) if kept == Kept.OTHER)
    return any(not is_finite(seen[slot]) for slot in others)
