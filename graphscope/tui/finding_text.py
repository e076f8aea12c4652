"""Findings on the screen: how many a step has, and what is said of them.

The sentences and the rows of the paths are those of every other output; here they get
tones, and a path's row keeps the station that it is about, to go there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.diagram.traps import MARK, describe_trap
from graphscope.model.finding import Finding, PathStep
from graphscope.render.text.findings import path_lines, title_line
from graphscope.tui.lines import (
    Piece,
    ScreenLine,
    Tone,
    clean,
    line,
    message_picture,
)
from graphscope.tui.outline import Node, Outline

_MARK: Final = "← "
_REMEDY: Final = "→ "


@dataclass(frozen=True, slots=True)
class ToldLine:
    """A line about a finding, and the station of a path that one can go to from it."""

    line: ScreenLine
    station: PathStep | None = None


def findings_of_node(findings: Sequence[Finding], node: Node) -> tuple[Finding, ...]:
    """Return the findings that a node has to do with."""
    values = set(node.values)
    return tuple(
        finding
        for finding in findings
        if node.op in finding.ops or not values.isdisjoint(finding.values)
    )


def node_of_finding(finding: Finding, outline: Outline) -> int | None:
    """Return the node to look at: of the guilty line, else the main one, if any is."""
    graph = outline.graph
    ops = [op for op in finding.ops if 0 <= op < len(graph.ops)]
    guilty = [op for op in ops if finding.site and graph.ops[op].site == finding.site]
    found = (
        *(outline.of_op.get(op) for op in (*guilty, *ops)),
        *(outline.of_value.get(value) for value in finding.values),
    )
    return next((node for node in found if node is not None), None)


def node_of_station(station: PathStep, outline: Outline) -> int | None:
    """Return the node that a row of a path is about, None when it has none."""
    if station.op is not None and station.op in outline.of_op:
        return outline.of_op[station.op]
    return None if station.value is None else outline.of_value.get(station.value)


def count_findings(findings: Sequence[Finding]) -> str:
    """Say how many findings a step has, nothing when there is none.

    >>> count_findings([Finding("none-grad", "", "", "", 0)])
    '1 finding'
    """
    if not findings:
        return ""
    return "1 finding" if len(findings) == 1 else f"{len(findings):,} findings"


def list_titles(findings: Sequence[Finding], width: int) -> list[ScreenLine]:
    """Write what is wrong, one sentence each."""
    found: list[ScreenLine] = []
    for finding in findings:
        found += _wrap(describe_trap(finding), width, Tone.ERROR)
    return found


def list_remedies(findings: Sequence[Finding], width: int) -> list[ScreenLine]:
    """Write what is wrong, and what to do."""
    found: list[ScreenLine] = []
    for finding in findings:
        found += list_titles([finding], width)
        found += _tell_remedy(finding, width)
    return found


def explain_findings(findings: Sequence[Finding], width: int) -> list[ScreenLine]:
    """Write the evidence."""
    found: list[ScreenLine] = []
    for finding in findings:
        found += [line(), *_wrap(f"{MARK} {finding.explanation}", width)]
        found += [told.line for told in tell_paths(finding.paths, width)]
        found += _tell_unknown(finding, width)
    return found


def tell_finding(
    finding: Finding, width: int, tone: Tone = Tone.ERROR
) -> list[ToldLine]:
    """Write a finding in full: title in `tone`, evidence, paths, what to do."""
    head = [
        *_wrap(title_line(finding), width, tone),
        *_wrap(finding.explanation, width),
    ]
    tail = [*_tell_unknown(finding, width), *_tell_remedy(finding, width)]
    return [
        *map(ToldLine, head),
        *tell_paths(finding.paths, width),
        *map(ToldLine, tail),
    ]


def tell_facts(finding: Finding, width: int) -> list[ToldLine]:
    """Write what is good to know of a usual gradient: the verdict is its title."""
    return [
        *map(ToldLine, _wrap(finding.explanation, width)),
        *tell_paths(finding.paths, width),
        *map(ToldLine, _tell_unknown(finding, width)),
    ]


def tell_paths(paths: Sequence[Sequence[PathStep]], width: int) -> Iterator[ToldLine]:
    """Write each station of each path on a line; why a way ends stands out."""
    stations = [station for path in paths for station in path]
    texts = path_lines(paths, width=width, indent="")
    for text, station in zip(texts, stations, strict=True):
        mark = clean(f"{_MARK}{station.mark}") if station.mark else ""
        way = text.removesuffix(mark)
        is_place = station.value is not None or station.op is not None
        yield ToldLine(
            line(Piece(way), Piece(text[len(way) :], Tone.CUT)),
            station if is_place else None,
        )


def _tell_unknown(finding: Finding, width: int) -> list[ScreenLine]:
    return [
        found
        for sentence in finding.unknown
        for found in _wrap(sentence, width, Tone.MUTED)
    ]


def _tell_remedy(finding: Finding, width: int) -> list[ScreenLine]:
    return _wrap(f"{_REMEDY}{finding.remedy}", width) if finding.remedy else []


def _wrap(text: str, width: int, tone: Tone = Tone.PLAIN) -> list[ScreenLine]:
    return list(message_picture(text, width, tone).lines)
