"""Finding the same place in a step of other structure: the event, and the node.

Training loops repeat themselves with small changes (the first step zeroes first, every
second step trains the other network), so that numbers of events and nodes drift.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from graphscope.model.graph import Event
from graphscope.model.site import Site
from graphscope.model.trace import Trace
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Node, Outline, site_of
from graphscope.tui.state import Position
from graphscope.tui.words import event_text, title_of_node

_ID: Final = re.compile(r"#\d+")


def match_event(before: Moment, trace: Trace) -> int:
    """Return the event of `trace` that corresponds best to the one of `before`.

    That is the event of the same kind, place and title, the k-th of those as it was
    before; else the one as far along in the same phase; else the one of that number.
    """
    event, graph = before.current, before.graph
    if event is None:
        return before.event
    old = [_event_key(before.trace, e) for e in graph.events]
    new = [_event_key(trace, e) for e in trace.graph.events]
    found = _same_of_many(old, new, event.index)
    if found is None:
        found = _same_share(graph.events, trace.graph.events, event)
    return min(before.event, len(new) - 1) if found is None else found


def match_node(
    before: Trace, old: Outline, node: int, trace: Trace, new: Outline
) -> int | None:
    """Return the node of `new` that is called and made as `node` is in `old`."""
    titles = [title_of_node(before, n) for n in old.nodes]
    others = [title_of_node(trace, n) for n in new.nodes]
    found = _same_of_many(
        [
            (_plain(t), _node_place(old, n))
            for t, n in zip(titles, old.nodes, strict=True)
        ],
        [
            (_plain(t), _node_place(new, n))
            for t, n in zip(others, new.nodes, strict=True)
        ],
        node,
    )
    return _same_of_many(titles, others, node) if found is None else found


def _same_of_many(
    old: Sequence[Hashable], new: Sequence[Hashable], index: int
) -> int | None:
    """Return where the k-th key like `old[index]` is in `new`, else the last such."""
    key = old[index]
    rank = old[:index].count(key)
    places = [place for place, other in enumerate(new) if other == key]
    return places[min(rank, len(places) - 1)] if places else None


def _same_share(old: Sequence[Event], new: Sequence[Event], event: Event) -> int | None:
    before = [e.index for e in old if e.phase is event.phase]
    after = [e.index for e in new if e.phase is event.phase]
    if not after:
        return None
    return after[before.index(event.index) * len(after) // len(before)]


def _event_key(trace: Trace, event: Event) -> Hashable:
    title = _plain(event_text(trace, event.index))
    return event.kind, _place(event.site), title


def _node_place(outline: Outline, node: Node) -> Hashable:
    graph = outline.graph
    if node.op is not None:
        return graph.ops[node.op].name, _place(graph.ops[node.op].site)
    return None if node.value is None else _place(site_of(graph, node.value))


def _place(site: Site | None) -> Hashable:
    return None if site is None else (site.file, site.line, site.expression)


def _plain(title: str) -> str:
    """Leave out ids, which differ from step to step."""
    return _ID.sub("", title)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the user went last other than by step: what steps are compared with."""

    moment: Moment
    outline: Outline
    selection: int | None


def carry(
    origin: Origin, position: Position, trace: Trace, outline: Outline
) -> Position:
    """Find event and selected node of `origin` again in another step."""
    chosen = origin.selection
    if outline is origin.outline:  # the same structure
        return replace(position, event=origin.moment.event, selection=chosen)
    event = match_event(origin.moment, trace)
    if chosen is not None:
        about = origin.outline.nodes_of_event(origin.moment.event)
        here = outline.nodes_of_event(event)
        if chosen in about and here:
            chosen = here[min(about.index(chosen), len(here) - 1)]
        else:
            before = origin.moment.trace
            chosen = match_node(before, origin.outline, chosen, trace, outline)
    return replace(position, event=event, selection=chosen)
