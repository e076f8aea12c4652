"""The parts of a page below and beside the picture."""

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from typing import Final

from graphscope.analysis.findings import find_in_step
from graphscope.analysis.phases import describe_run, find_runs
from graphscope.diagram.labels import title_of
from graphscope.diagram.model import Diagram
from graphscope.diagram.traps import describe_trap
from graphscope.model.finding import Finding
from graphscope.model.numbers import format_number
from graphscope.model.trace import Status, Trace
from graphscope.render.html.elements import add, add_lines, add_prose
from graphscope.render.html.paths import PagePath
from graphscope.render.number_rows import ABSENT, NumberRow, number_rows

_MAX_ROWS: Final = 1000
_MAX_PHASES: Final = 24

_HEADINGS: Final = (
    *("Name", "Pass", "Kind", "Type", "Formula"),
    *("Value", "Gradient", ".grad", "Updated", "Line"),
)


def add_facts(parent: ET.Element, trace: Trace) -> None:
    """Add what the step was: its result, how it ended, its phases in order."""
    facts = add(parent, "dl", "", {"class": "facts"})
    for term, fact in _facts(trace):
        pair = add(facts, "div")
        add(pair, "dt", term)
        add(pair, "dd", fact)
    runs = find_runs(trace.graph.events)
    if runs:
        phases = add(parent, "ol", "", {"class": "phases", "aria-label": "Phases"})
        for run in runs[:_MAX_PHASES]:
            add(phases, "li", describe_run(trace.graph, run))
        if len(runs) > _MAX_PHASES:
            add(phases, "li", f"… {len(runs) - _MAX_PHASES} more")


def _facts(trace: Trace) -> Iterator[tuple[str, str]]:
    yield "Step", str(trace.step)
    loss = trace.loss()
    if loss is not None:
        name = title_of(trace, trace.graph.roots[-1])
        yield "Result", f"{name} = {format_number(loss)}"
    if trace.status is Status.OPEN:
        yield "Ended", "before any parameter was updated"
    if trace.status is Status.ABORTED:
        yield "Ended by", trace.error or "an exception"
    graph = trace.graph
    yield "Operations", f"{len(graph.ops):,}"
    yield "Autograd nodes", f"{len(graph.grad_nodes):,}"


def add_chain_rules(parent: ET.Element, paths: Collection[PagePath]) -> None:
    """Add the chain rule of each path, closed but for the chosen one."""
    add(parent, "h2", "Chain rule", {"id": "chain-rule"})
    if not paths:
        add(parent, "p", "No gradient reached a parameter in this step.")
        return
    is_first_open = not any(path.is_chosen for path in paths)
    for number, path in enumerate(paths):
        details = add(
            parent, "details", "", {"class": "chain", "id": f"chain-{number}"}
        )
        if path.is_chosen or (is_first_open and number == 0):
            details.set("open", "")
        add(details, "summary", path.title)
        add_lines(details, "pre", path.lines, {"tabindex": "0"})


def add_findings(parent: ET.Element, trace: Trace, diagram: Diagram) -> None:
    """Add what is wrong in the step, and what the picture leaves out."""
    findings = find_in_step(trace)
    told = {describe_trap(finding) for finding in findings}
    notes = [note for note in diagram.notes if note not in told]
    if findings:
        add(parent, "h2", "Findings")
    for finding in findings:
        _add_finding(parent, finding)
    if notes:
        add(parent, "h2", "Notes")
        listing = add(parent, "ul", "", {"class": "notes"})
        for note in notes:
            add(listing, "li", note)


def _add_finding(parent: ET.Element, finding: Finding) -> None:
    article = add(parent, "article", "", {"class": "finding"})
    add(article, "h3", finding.title)
    add_prose(article, "p", finding.explanation)
    add_prose(article, "p", finding.remedy, {"class": "remedy"})
    if finding.site is not None:
        add(article, "p", finding.site.short, {"class": "site"})


def add_numbers(parent: ET.Element, trace: Trace) -> None:
    """Add a table with a row for each named value; empty columns are left out."""
    add(parent, "h2", "Numbers", {"id": "numbers"})
    rows = [_cells(row) for row in number_rows(trace)]
    if not rows:
        add(parent, "p", "No value has a name.")
        return
    kept = [
        column
        for column in range(len(_HEADINGS))
        if any(row[column] != ABSENT for row in rows)
    ]
    frame = {"class": "scrolls", "tabindex": "0", "role": "region"}
    region = add(parent, "div", "", frame | {"aria-labelledby": "numbers"})
    table = add(region, "table")
    head = add(add(table, "thead"), "tr")
    for column in kept:
        add(head, "th", _HEADINGS[column], {"scope": "col"})
    body = add(table, "tbody")
    for row in rows[:_MAX_ROWS]:
        line = add(body, "tr")
        add(line, "th", row[0], {"scope": "row"})
        for column in kept[1:]:
            add(line, "td", row[column])
    if len(rows) > _MAX_ROWS:
        more = f"{len(rows) - _MAX_ROWS:,} more values: export .json for all of them."
        add(parent, "p", more)


def _cells(row: NumberRow) -> tuple[str, ...]:
    return (
        *(row.name, row.pass_number, row.kind, row.type, row.formula),
        *(row.value, row.gradient, row.stored, row.updated),
        row.site.short if row.site else ABSENT,
    )
