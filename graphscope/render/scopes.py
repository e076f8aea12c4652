"""Which boxes stand inside which module scope: the nesting of frames on a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from graphscope.diagram.model import Box, BoxKind

_MAX_DEPTH: Final = 12
"""Deeper scopes share one frame: nobody can read more frames, and engines recurse."""


@dataclass(slots=True)
class ScopeGroup:
    """The boxes directly in one scope, and the scopes inside of it.

    Attributes:
        path: Dotted module path, empty for the outermost.
        label: The part of `path` below the surrounding frame.
        boxes: Positions of its own boxes in the diagram.
        groups: The scopes inside, by path.
    """

    path: str
    label: str
    boxes: list[int] = field(default_factory=list)
    groups: "dict[str, ScopeGroup]" = field(default_factory=dict)

    def members(self) -> Iterator[int]:
        """Yield the positions of all boxes in here and further inside."""
        yield from self.boxes
        for group in self.groups.values():
            yield from group.members()

    def descendants(self) -> "Iterator[ScopeGroup]":
        """Yield the groups inside, outer ones before inner ones."""
        for group in self.groups.values():
            yield group
            yield from group.descendants()


def group_by_scope(boxes: Sequence[Box]) -> ScopeGroup:
    """Return the tree of scopes; a scope that only holds one other is left out."""
    root = ScopeGroup("", "")
    for index, box in enumerate(boxes):
        group = root
        for name in _split(box.scope):
            path = f"{group.path}.{name}" if group.path else name
            group = group.groups.setdefault(name, ScopeGroup(path, name))
        group.boxes.append(index)
    root.groups = {name: _join(group) for name, group in root.groups.items()}
    _open_frames_of_modules(root, boxes)
    return root


def _split(scope: str) -> list[str]:
    return scope.split(".", _MAX_DEPTH - 1) if scope else []


def _join(group: ScopeGroup) -> ScopeGroup:
    while not group.boxes and len(group.groups) == 1:
        (inner,) = group.groups.values()
        inner.label = f"{group.label}.{inner.label}"
        group = inner
    group.groups = {name: _join(inner) for name, inner in group.groups.items()}
    return group


def _open_frames_of_modules(group: ScopeGroup, boxes: Sequence[Box]) -> None:
    """Take a collapsed module out of a frame that holds nothing else."""
    for name, inner in list(group.groups.items()):
        _open_frames_of_modules(inner, boxes)
        is_module = [boxes[i].kind is BoxKind.MODULE for i in inner.boxes] == [True]
        if is_module and not inner.groups:
            group.boxes += inner.boxes
            del group.groups[name]
