"""What a backward was started with, where that is more than a plain 1."""

from graphscope.diagram.gradients import arrivals_of, join_numbers
from graphscope.diagram.model import Line
from graphscope.diagram.selection import Selection
from graphscope.model.graph import Role
from graphscope.model.observation import Observation


def seed_line(selection: Selection, root: int) -> Line | None:
    """Write the vector that a backward was started with, None for a plain 1.

    The gradient that arrives anywhere is then that of a vector-Jacobian product.
    """
    trace = selection.trace
    arrived = arrivals_of(selection, root)
    sent = {trace.graph.slots[s].event for s in trace.slots_of(root, Role.EDGE)}
    seeds = [(e, seen) for e, seen in arrived if not any(s < e for s in sent)]
    if len(seeds) != len(arrived) or all(_is_one(seen) for _, seen in seeds):
        return None
    text = join_numbers([seen for _, seen in seeds], ", ")
    return Line(f"seed v = {text}", seeds[-1][0])


def _is_one(seen: Observation | None) -> bool:
    return seen is not None and seen.scalar == 1
