"""Known traps on a picture: a mark in the box concerned, the words in its tooltip."""

from collections.abc import Sequence
from dataclasses import replace

from graphscope.diagram.model import Box, Line
from graphscope.model.finding import Finding

MARK = "▲"
"""Stands in front of what is wrong: in a box, in a note, in the inspector."""


def mark_traps(boxes: Sequence[Box], findings: Sequence[Finding]) -> tuple[Box, ...]:
    """Mark the box of each finding's main op or, where it is about data, value.

    What is collapsed is marked at the box that stands for it. A finding whose op and
    value are not drawn marks nothing: it is a note of the picture all the same.
    """
    marked = list(boxes)
    for finding in findings:
        place = _place_of(finding, marked)
        if place is not None:
            marked[place] = _mark(marked[place], finding)
    return tuple(marked)


def describe_trap(finding: Finding) -> str:
    """Write a finding as a note of a picture.

    >>> found = Finding("softmax-twice", "softmax is applied twice", "", "", 0)
    >>> describe_trap(found)
    '▲ softmax is applied twice'
    """
    where = "" if finding.site is None else f" ({finding.site.short})"
    return f"{MARK} {finding.title}{where}"


def _place_of(finding: Finding, boxes: Sequence[Box]) -> int | None:
    for op in finding.ops:
        for place, box in enumerate(boxes):
            if op in box.ops:
                return place
    for value in finding.values:
        for place, box in enumerate(boxes):
            if value in box.values:
                return place
    return None


def _mark(box: Box, finding: Finding) -> Box:
    mark = Line(f"{MARK} {finding.kind.replace('-', ' ')}", box.event)
    told = f"{finding.title}. {finding.explanation} {finding.remedy}"
    tooltip = f"{box.tooltip}\n{MARK} {told}" if box.tooltip else f"{MARK} {told}"
    return replace(box, lines=(*box.lines, mark), tooltip=tooltip)
