"""Reading a step's numbers for the traps: whole data, zeros, NaNs, gradients."""

from collections.abc import Callable

import numpy as np

from graphscope.analysis.evidence.facts import Facts
from graphscope.model.graph import Op, Role, Value, ValueKind
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace


def data_of(trace: Trace, value: int) -> Array | None:
    """Return the numbers of a value, None when they were not kept whole."""
    seen = trace.value_of(value)
    return None if seen is None else seen.data


def scalar_of(trace: Trace, value: int | None) -> float | None:
    """Return the number of a value that has one element."""
    seen = None if value is None else trace.value_of(value)
    found = None if seen is None else seen.scalar
    return None if found is None or isinstance(found, complex) else float(found)


def is_zero(seen: Observation | None) -> bool:
    """Whether a tensor was seen and all of it is 0."""
    if seen is None:
        return False
    if seen.data is not None:
        return seen.data.size > 0 and not seen.data.any()
    stats = seen.summary
    return stats is not None and stats.zeros == stats.numel > 0


def is_nonzero(seen: Observation | None) -> bool:
    """Whether a tensor was seen and some of it is a finite number other than 0."""
    if seen is None:
        return False
    if seen.data is not None:
        return bool((np.isfinite(seen.data) & (seen.data != 0)).any())
    return seen.summary is not None and seen.summary.l2 > 0


def count_nans(seen: Observation | None) -> int:
    """Return how many numbers of a tensor are NaN."""
    if seen is None:
        return 0
    data = seen.data
    if data is not None:
        return int(np.isnan(data).sum()) if data.dtype.kind in "fc" else 0
    return 0 if seen.summary is None else seen.summary.nans


def is_equal(one: Observation | None, other: Observation | None) -> bool:
    """Whether the same was seen twice, to the last bit of what was kept."""
    if one is None or other is None:
        return one is other
    if one.data is not None and other.data is not None:
        return one.data.shape == other.data.shape and bool(
            np.array_equal(one.data, other.data)
        )
    return one.data is other.data and one.summary == other.summary is not None


def last_through(facts: Facts, trace: Trace, op: Op) -> tuple[Observation | None, ...]:
    """Return the gradient that last arrived at an op, and that which it sent on.

    Both are None when no backward ran through it.
    """
    arrived = sent = None
    for node in op.grad_nodes:
        for index in facts.node_slots.get(node, ()):
            slot = facts.graph.slots[index]
            if slot.role is Role.GRAD_OUTPUT:
                arrived = trace.seen(index)
            elif slot.role is Role.EDGE and slot.position == 0:
                sent = trace.seen(index)
    return arrived, sent


def arrived_at_leaf(trace: Trace, value: Value) -> tuple[Observation | None, ...]:
    """Return what arrived at a leaf in each backward of the step."""
    if value.kind is not ValueKind.PARAMETER:
        return ()
    return tuple(trace.seen(s) for s in trace.slots_of(value.id, Role.ARRIVED))


def parameters_before(
    facts: Facts,
    trace: Trace,
    value: int,
    is_wanted: Callable[[Observation | None], bool],
) -> list[str]:
    """Return the names of the parameters behind a value whose gradients are so."""
    found = []
    for one in facts.ancestors(value):
        arrived = arrived_at_leaf(trace, one)
        if one.name and arrived and all(map(is_wanted, arrived)):
            found.append((one.id, f"`{one.name}`"))
    return [name for _, name in sorted(found)]
