"""Several boxes drawn as one, without making a cycle.

A group is an interval in the draft's order of time, so arrows between groups still
point forward. Leaves that only the group reads disappear into it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from graphscope.diagram.draft import Draft
from graphscope.diagram.model import Arrow, ArrowKind, Box, Line


@dataclass(frozen=True, slots=True)
class Group:
    """Ids of boxes that are neighbours in time, and the box that stands for them."""

    box: Box
    members: tuple[str, ...]


def sequence_of(draft: Draft) -> list[Box]:
    """Return the boxes in order of time, without the leaves."""
    return [box for box in draft.boxes if box.id not in draft.leaves]


def merge_boxes(
    draft: Draft,
    groups: Sequence[Group],
    *,
    absorbs: Callable[[Box], bool] = lambda _: True,
    total: Callable[[int], Line | None] = lambda _: None,
) -> Draft:
    """Replace the members of each group, and the leaves only they read, by one box.

    Args:
        draft: What to merge in.
        groups: Each an interval of `sequence_of(draft)`.
        absorbs: Leaves that it refuses stay outside.
        total: Gradient of a value, for an arrow that stands for all uses of it.
    """
    homes = {m: group.box.id for group in groups for m in group.members}
    inner = frozenset(b.id for b in draft.boxes if b.id in draft.leaves and absorbs(b))
    homes.update(_absorbed_leaves(draft, homes, inner))
    marked = {homes.get(box.id) for box in draft.boxes if box.is_highlighted}
    # a group stands where its last member stood: after the leaves that it still reads
    boxes = {
        group.members[-1]: replace(group.box, is_highlighted=group.box.id in marked)
        for group in groups
    }
    return Draft(
        boxes=tuple(
            boxes.get(box.id, box)
            for box in draft.boxes
            if box.id in boxes or box.id not in homes
        ),
        arrows=tuple(_rewire(draft.arrows, homes, total)),
        leaves=frozenset(leaf for leaf in draft.leaves if leaf not in homes),
    )


def _absorbed_leaves(
    draft: Draft, homes: Mapping[str, str], leaves: frozenset[str]
) -> dict[str, str]:
    """Find leaves whose every reader is inside of one group, updates apart.

    An update arrow may leave the group, when it leads to something later.
    """
    ranks = {box.id: rank for rank, box in enumerate(draft.boxes)}
    last: dict[str, int] = {}
    for member, home in homes.items():
        last[home] = max(last.get(home, 0), ranks[member])
    readers: defaultdict[str, list[Arrow]] = defaultdict(list)
    for arrow in draft.arrows:
        if arrow.source in leaves:
            readers[arrow.source].append(arrow)
    found: dict[str, str] = {}
    for leaf, arrows in readers.items():
        group = homes.get(arrows[0].target)
        if group is not None and all(
            homes.get(a.target) == group
            or (a.kind is ArrowKind.UPDATE and ranks[a.target] > last[group])
            for a in arrows
        ):
            found[leaf] = group
    return found


def _rewire(
    arrows: Sequence[Arrow],
    homes: Mapping[str, str],
    total: Callable[[int], Line | None],
) -> list[Arrow]:
    """Lead arrows to the merged boxes; parallel ones there become one.

    It keeps no label, unless it stands for all uses of one value.
    """
    uses = Counter(arrow.value for arrow in arrows)
    joined: defaultdict[object, list[Arrow]] = defaultdict(list)
    for index, arrow in enumerate(arrows):
        source = homes.get(arrow.source, arrow.source)
        target = homes.get(arrow.target, arrow.target)
        if source == target:
            continue
        is_rewired = (source, target) != (arrow.source, arrow.target)
        key: object = (source, target, arrow.kind) if is_rewired else index
        joined[key].append(replace(arrow, source=source, target=target))
    return [_join(parallel, uses, total) for parallel in joined.values()]


def _join(
    arrows: Sequence[Arrow],
    uses: Mapping[int | None, int],
    total: Callable[[int], Line | None],
) -> Arrow:
    is_highlighted = any(arrow.is_highlighted for arrow in arrows)
    first = replace(arrows[0], is_highlighted=is_highlighted)
    if len(arrows) == 1:
        return first
    is_one = {arrow.value for arrow in arrows} == {first.value}
    if first.value is None or not is_one or uses[first.value] > len(arrows):
        return replace(first, label=None)
    return replace(first, label=total(first.value))
