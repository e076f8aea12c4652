"""Making a diagram small enough to be read: by modules first, then by long runs.

What was left out is said in notes, which are drawn on the picture.
"""

from collections import defaultdict
from typing import Final

from graphscope.diagram.collapse import (
    collapse_modules,
    deepest_scope,
    first_event,
    ops_of,
    plural,
)
from graphscope.diagram.draft import Draft
from graphscope.diagram.merging import Group, merge_boxes, sequence_of
from graphscope.diagram.model import Box, BoxKind
from graphscope.diagram.options import DiagramOptions
from graphscope.diagram.selection import Selection
from graphscope.transforms.folding import largest_that_fits, middle_of

_MANY_LEAVES: Final = 24
_KEPT_LEAVES: Final = 8


def fit(
    draft: Draft, selection: Selection, options: DiagramOptions
) -> tuple[Draft, tuple[str, ...]]:
    """Collapse as asked, and further until the diagram fits `options.max_boxes`.

    Returns:
        The draft, and a sentence for each thing that was not asked for.
    """
    asked, style = options.depth, options.style
    current = draft
    if asked is not None:
        current = collapse_modules(draft, selection, style, depth=max(asked, 0))
    if len(current.boxes) <= options.max_boxes:
        return current, ()
    size = len(current.boxes)
    reason = f"{size:,} boxes are more than {options.max_boxes:,}"
    deepest = deepest_scope(draft)
    start = deepest if asked is None else min(asked, deepest)
    notes: list[str] = []
    for depth in range(start, -1, -1):
        candidate = collapse_modules(draft, selection, style, depth=depth)
        if len(candidate.boxes) < len(current.boxes):
            current = candidate
            notes = [f"Collapsed to module depth {depth}: {reason}."]
        if len(current.boxes) <= options.max_boxes:
            return current, tuple(notes)
    folded, folds = _fold(current, options.max_boxes, reason)
    return folded, (*notes, *folds)


def _fold(draft: Draft, limit: int, reason: str) -> tuple[Draft, tuple[str, ...]]:
    current, leaves = _fold_leaves(draft)
    if len(current.boxes) > limit:
        sequence = sequence_of(current)
        kept = largest_that_fits(
            (len(sequence) - 1) // 2,
            lambda count: len(_fold_middle(current, count).boxes) <= limit,
        )
        folded = _fold_middle(current, kept)
        start, stop = middle_of(len(sequence), kept)
        ops = plural(len(ops_of(sequence[start:stop])), "op")
        return folded, (f"{ops} in the middle are drawn as one box: {reason}.",)
    return current, (f"{leaves:,} leaves are drawn as one box: {reason}.",)


def _fold_middle(draft: Draft, kept: int) -> Draft:
    sequence = sequence_of(draft)
    start, stop = middle_of(len(sequence), kept)
    members = sequence[start:stop]
    if not members:
        return draft
    box = Box(
        id=f"fold:{members[0].id}",
        kind=BoxKind.MODULE,
        title=f"… {plural(len(ops_of(members)), 'op')}",
        values=members[-1].values[:1],
        ops=ops_of(members),
        event=first_event([b.event for b in members]),
        backward_event=first_event([b.backward_event for b in members]),
    )
    return merge_boxes(draft, [Group(box, tuple(b.id for b in members))])


def _fold_leaves(draft: Draft) -> tuple[Draft, int]:
    """Join the leaves of a box that reads very many of them (`torch.stack`)."""
    readers: defaultdict[str, set[str]] = defaultdict(set)
    for arrow in draft.arrows:
        if arrow.source in draft.leaves:
            readers[arrow.source].add(arrow.target)
    feeders: defaultdict[str, list[str]] = defaultdict(list)
    for box in draft.boxes:
        if len(readers[box.id]) == 1:
            feeders[next(iter(readers[box.id]))].append(box.id)
    groups = [
        _leaf_group(target, leaves[_KEPT_LEAVES:])
        for target, leaves in feeders.items()
        if len(leaves) > _MANY_LEAVES
    ]
    folded = sum(len(group.members) for group in groups)
    return merge_boxes(draft, groups), folded


def _leaf_group(target: str, leaves: list[str]) -> Group:
    values = tuple(int(leaf.removeprefix("v")) for leaf in leaves)
    box = Box(
        id=f"leaves:{target}",
        kind=BoxKind.INPUT,
        title=f"… {len(leaves):,} leaves",
        values=values,
    )
    return Group(box, tuple(leaves))
