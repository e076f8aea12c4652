"""A diagram while it is being made: boxes in order of time, so that no cycle can form.

Every box has a moment. Boxes are kept sorted by it, and an arrow is only accepted
from an earlier box to a later one. What merges boxes afterwards
(`graphscope.diagram.merging`) relies on this order.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from graphscope.diagram.model import Arrow, Box

Moment = tuple[int, int, int, int]
"""Event, rank within the event (`LEAF`, `OP`, `ROOT`), id, position."""

LEAF, READ, OP, ROOT = range(4)


@dataclass(frozen=True)
class Draft:
    """Boxes in order of time and the arrows between them.

    `leaves` are the ids of boxes that nothing leads to and that may be drawn inside
    of a collapsed box.
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    leaves: frozenset[str]


def make_draft(placed: Iterable[tuple[Moment, Box]], arrows: Iterable[Arrow]) -> Draft:
    """Sort boxes by moment and drop arrows that would point back in time.

    Arrows come in the order of the boxes they lead to.
    """
    unique: dict[str, tuple[Moment, Box]] = {}
    for moment, box in sorted(placed, key=lambda pair: pair[0]):
        unique.setdefault(box.id, (moment, box))
    ordered = list(unique.values())
    ranks = {box.id: rank for rank, (_, box) in enumerate(ordered)}
    forward = (arrow for arrow in arrows if _points_forward(arrow, ranks))
    kept = tuple(sorted(forward, key=lambda arrow: ranks[arrow.target]))
    targets = {arrow.target for arrow in kept}
    leaves = (b.id for moment, b in ordered if moment[1] == LEAF)
    return Draft(
        boxes=tuple(box for _, box in ordered),
        arrows=kept,
        leaves=frozenset(leaf for leaf in leaves if leaf not in targets),
    )


def _points_forward(arrow: Arrow, ranks: dict[str, int]) -> bool:
    if arrow.source not in ranks or arrow.target not in ranks:
        return False
    return ranks[arrow.source] < ranks[arrow.target]
