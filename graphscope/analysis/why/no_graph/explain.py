"""Explaining `element 0 of tensors does not require grad and does not have a grad_fn`.

Either the history was lost on the way, and then there is a place; or there never was
one, because nothing that the loss was computed from requires a gradient.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import (
    begin,
    count,
    listing,
    name_and_place,
    name_value,
    where,
)
from graphscope.analysis.why.missing.cuts import Cut
from graphscope.analysis.why.missing.flow import Link
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.results import links_into
from graphscope.analysis.why.missing.ways import rows_of, way_through
from graphscope.analysis.why.no_graph.leaves import Nothing, why_nothing
from graphscope.analysis.why.no_graph.root import Failed, find_failed
from graphscope.model.finding import Finding, PathStep
from graphscope.model.graph import Value, ValueKind
from graphscope.model.trace import Trace

KIND: Final = "no-graph"
_MOST_PATHS: Final = 4


def explain_no_graph(facts: Facts, trace: Trace) -> Finding | None:
    """Explain why a backward had no graph to go through; None of any other end."""
    failed = find_failed(trace)
    if failed is None:
        return None
    look = Look(trace, facts)
    links = links_into(look, failed.root.id)
    cuts = _cuts_at(look, links)
    if cuts:
        return _tell_cut(look, failed, links, cuts)
    return _tell_nothing(look, failed, why_nothing(look, failed))


def _cuts_at(look: Look, links: Sequence[Link]) -> list[Cut]:
    found: dict[object, Cut] = {}
    for link in links:
        cut = look.cut_at(link)
        found.setdefault((cut.op, cut.mark, cut.call), cut)
    by_place: dict[object, Cut] = {}
    for cut in found.values():
        place = None if cut.site is None else (cut.site.file, cut.site.line)
        by_place.setdefault((place, cut.mark), cut)
    return list(by_place.values())


def _begin(look: Look, failed: Failed) -> str:
    """Begin the explanation: what backward was called on, and that it is bare."""
    root = begin(name_and_place(look.trace, failed.root.id))
    if failed.is_input:
        return f"{root} does not require a gradient, so none can be computed for it."
    return (
        f"{root} has no grad_fn: nothing is recorded behind it that backward"
        f"{where(failed.site)} could go through."
    )


def _tell_cut(
    look: Look, failed: Failed, links: Sequence[Link], cuts: Sequence[Cut]
) -> Finding:
    trace = look.trace
    first = cuts[0]
    leaves = _leaves_behind(look, links)
    names = [name_value(trace, leaf.id) for leaf in leaves]
    told = "; ".join(f"{cut.call}: {cut.why}" for cut in cuts[:3])
    start = f"The way to it from {listing(names)}" if leaves else "The way to it"
    name = name_value(trace, failed.root.id)
    return Finding(
        kind=KIND,
        title=f"{name} has no history for backward: {first.mark}",
        explanation=f"{_begin(look, failed)} {start} is cut at {told}.",
        remedy=first.remedy,
        step=trace.step,
        site=first.site,
        values=(failed.root.id, *(leaf.id for leaf in leaves)),
        ops=tuple(cut.op for cut in cuts if cut.op is not None),
        paths=_paths(look, failed.root.id, links, leaves),
        unknown=_unknown(links, cuts),
    )


def _unknown(links: Sequence[Link], cuts: Sequence[Cut]) -> tuple[str, ...]:
    names = dict.fromkeys(f"`{k.name}`" for k in links if k.is_outside and k.name)
    followed = (
        f"They were followed outside of torch by name ({listing(list(names))}), not by "
        "a record."
        if names
        else ""
    )
    told = [cut.unknown for cut in cuts] + [followed]
    return tuple(dict.fromkeys(text for text in told if text))


def _leaves_behind(look: Look, links: Sequence[Link]) -> list[Value]:
    """Return the leaves to learn whose numbers come to the cuts."""
    found: dict[int, Value] = {}
    for link in links:
        for value in look.facts.ancestors(link.source):
            if value.kind is ValueKind.PARAMETER and value.requires_grad:
                found[value.id] = value
    return [found[i] for i in sorted(found) if found[i].name is not None]


def _paths(
    look: Look, root: int, links: Sequence[Link], leaves: Sequence[Value]
) -> tuple[tuple[PathStep, ...], ...]:
    """Return a way from each of a few leaves through a cut to the root."""
    flow = look.flow
    rows: dict[tuple[PathStep, ...], PathStep] = {}
    for leaf in leaves:
        ways = (way_through(flow, leaf.id, link, (root,)) for link in links)
        way = next((w for w in ways if w), None)
        if way is None:
            continue
        first, *rest = rows_of(look.trace, leaf.id, way, look.cut_at)
        known = rows.get(tuple(rest))
        text = first.text if known is None else f"{known.text}, {first.text}"
        rows[tuple(rest)] = replace(known or first, text=text)
    found = [(first, *rest) for rest, first in rows.items()]
    more = len(found) - _MOST_PATHS
    if more > 0:
        return (*found[:_MOST_PATHS], (PathStep(f"… {count(more, 'more way')}"),))
    return tuple(found)


def _tell_nothing(look: Look, failed: Failed, nothing: Nothing) -> Finding:
    name = name_value(look.trace, failed.root.id)
    return Finding(
        kind=KIND,
        title=f"{name} has no history for backward: {nothing.short}",
        explanation=f"{_begin(look, failed)} {nothing.because}",
        remedy=nothing.remedy,
        step=look.trace.step,
        site=nothing.site or failed.site or failed.root.site,
        values=(failed.root.id, *nothing.values),
        unknown=nothing.unknown,
    )
