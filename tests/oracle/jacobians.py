"""Local derivatives: with what arrived at a node they must give what it sent on.

What arrived and what was sent is compared with torch elsewhere (`truth`), so a local
derivative is checked against autograd's own numbers.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from graphscope.model.graph import Role, Slot
from graphscope.model.trace import Trace
from tests.oracle.reading import Numbers

# Like a normalisation of few numbers: what is left is rounding alone.
_CANCELS = ("ScaledDotProduct",)


def find_wrong_jacobians(traces: Sequence[Trace]) -> Iterator[tuple[str, str]]:
    """Yield the node's name and what is wrong, or nothing, for each one recorded.

    A sum of n products is off by at most n * eps * the sum of their magnitudes. The
    local derivative itself comes out of a formula whose terms may cancel (a
    normalisation's rows add up to 0), so the largest sum counts, and 16 times.
    """
    for trace in traces:
        for slot, local in _with_role(trace, Role.LOCAL):
            assert slot.grad_node is not None
            name = trace.graph.grad_nodes[slot.grad_node].name
            arrived = _neighbour(trace, slot, Role.GRAD_OUTPUT, 0)
            sent = _neighbour(trace, slot, Role.EDGE, slot.position)
            if name.startswith(_CANCELS) or "Norm" in name:
                continue
            if arrived is None or sent is None:
                continue
            start, stop = trace.graph.events[slot.event].slots
            dtypes = {other.dtype for other in trace.graph.slots[start:stop]}
            is_narrow = "bfloat16" in dtypes  # which is kept as float32
            yield name, _differ(arrived, local, sent, is_narrow=is_narrow)


def _differ(arrived: Numbers, local: Numbers, sent: Numbers, *, is_narrow: bool) -> str:
    if local.shape != (*arrived.shape, *sent.shape):
        return f"is of shape {local.shape} for {arrived.shape} and {sent.shape}"
    # The coarsest of the three counts: a product may be sent on in another dtype.
    eps = max(float(np.finfo(part.dtype).eps) for part in (arrived, local, sent))
    eps = 2.0**-7 if is_narrow else eps
    wide = [part.astype(np.complex128) for part in (arrived, local)]
    with np.errstate(all="ignore"):
        total = np.tensordot(wide[0], wide[1], axes=arrived.ndim)
        size = np.tensordot(np.abs(wide[0]), np.abs(wide[1]), axes=arrived.ndim)
        room = 16 * arrived.size * eps * np.max(size, initial=0.0)
        is_off = np.abs(total - sent) > room
    return f"{int(is_off.sum())} of {sent.size} products differ" if is_off.any() else ""


def _with_role(trace: Trace, role: Role) -> Iterator[tuple[Slot, Numbers]]:
    for index, slot in enumerate(trace.graph.slots):
        if slot.role is role:
            seen = trace.observations[index]
            if seen is not None and seen.data is not None:
                yield slot, seen.data


def _neighbour(trace: Trace, slot: Slot, role: Role, position: int) -> Numbers | None:
    """Return the whole numbers of `role` at `position` in the event of `slot`."""
    start, stop = trace.graph.events[slot.event].slots
    for index in range(start, stop):
        other = trace.graph.slots[index]
        if other.role is role and other.position == position:
            seen = trace.observations[index]
            return None if seen is None else seen.data
    return None
