"""One number per step about one value, for sparklines over the training."""

from graphscope.errors import UnknownNameError
from graphscope.model.graph import Graph, Role
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace


def find_slot(graph: Graph, name: str, role: Role) -> int | None:
    """Return the last slot with `role` about the value that `name` means, or None."""
    trace = Trace(graph)
    try:
        value = trace.resolve(name)
    except UnknownNameError:
        return None
    slots = trace.slots_of(value.id, role)
    return slots[-1] if slots else None


def to_number(seen: Observation | None) -> float | None:
    """Return the scalar itself (its magnitude, if complex), else the l2 norm.

    >>> import numpy as np
    >>> to_number(Observation(np.array([-2.5]))), to_number(Observation(np.ones(4)))
    (-2.5, 2.0)
    """
    if seen is None:
        return None
    scalar = seen.scalar
    if scalar is not None:
        return abs(scalar) if isinstance(scalar, complex) else float(scalar)
    return seen.stats.l2 if seen.stats is not None else None
