"""Breakpoints at what the screen shows: their texts, and which events they are at."""

import re
from typing import Final

from graphscope.debugger.breakpoints import parse_breakpoint
from graphscope.debugger.breakpoints.memory import SeatMemory
from graphscope.debugger.breakpoints.places import is_reached
from graphscope.debugger.recorded import RecordedArrival
from graphscope.errors import DebuggerError
from graphscope.model.graph import EventKind
from graphscope.model.trace import Trace
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Node, Outline, site_of
from graphscope.tui.words import name_of_node

_PLAIN: Final = re.compile(r"[\w.]+")
_KINDS: Final = (EventKind.ACCUMULATE, EventKind.CAPTURE, EventKind.UPDATE)


def place_of_node(moment: Moment, outline: Outline, node: Node) -> str:
    """Write a breakpoint's place at a node: its name, else its line, else its op."""
    return next(iter(_places(moment, outline, node)), "")


def _places(moment: Moment, outline: Outline, node: Node) -> list[str]:
    """List the places that a node has, the one that a user would write first."""
    graph, event = moment.graph, moment.current
    op = None if node.op is None else graph.ops[node.op]
    found: list[str] = []
    if name := name_of_node(moment.trace, node):
        found.append(f"var:{_quote(name)}")
    is_here = event is not None and node.id in outline.nodes_of_event(event.index)
    if is_here and event is not None and event.grad_node is not None:
        found.append(f"node:{_quote(graph.grad_nodes[event.grad_node].name)}")
    site = op.site if op is not None else None
    if site is None and node.value is not None:
        site = site_of(graph, node.value)
    if site is not None and ":" not in site.short.rpartition(":")[0]:
        found.append(_quote_file(site.short))
    if op is not None:
        found.append(f"op:{_quote(op.name)}")
    return found


def _quote(name: str) -> str:
    """Write a name as one word.

    >>> _quote("fc1.weight"), _quote("a b")
    ('fc1.weight', "'a b'")
    """
    if _PLAIN.fullmatch(name):
        return name
    mark = '"' if "'" in name else "'"
    return f"{mark}{name}{mark}"


def _quote_file(short: str) -> str:
    file, _, line = short.rpartition(":")
    return short if re.fullmatch(r"[\w.-]+", file) else f"line:{_quote(file)}:{line}"


def event_of_node(moment: Moment, outline: Outline, node: Node) -> int:
    """Return the event of a node: the one looked at, else when it ran."""
    if node.id in outline.nodes_of_event(moment.event):
        return moment.event
    if node.op is not None:
        return moment.graph.op_events.get(node.op, moment.event)
    for event in moment.graph.events:
        if event.kind in _KINDS and node.value in event.values:
            return event.index
    return moment.event


def run_to(moment: Moment, outline: Outline, node: Node, now: tuple[int, int]) -> str:
    """Write a place and condition that hold when training comes to a node next.

    If its event is behind `now`, that is in this step, else in the next.

    Args:
        moment: The step that is looked at.
        outline: Its nodes.
        node: Where to run to.
        now: Step and event at which the training is.

    Raises:
        DebuggerError: No breakpoint can be there.
    """
    event = event_of_node(moment, outline, node)
    step, at = now
    is_ahead = event > at
    for place in _places(moment, outline, node):
        events = events_at(moment.trace, place)
        if event in events:
            start = at if is_ahead else -1
            count = sum(start < other <= event for other in events)
            when = "" if is_ahead else f" if step > {step}"
            return place + when + (f" hit {count}" if count > 1 else "")
    raise DebuggerError(
        "Training cannot be run to this node: it has no name, line or operation that a "
        "breakpoint can be set on. Select another one."
    )


def events_at(trace: Trace, text: str) -> list[int]:
    """Return the events of a step at which a breakpoint's place and condition hold.

    Raises:
        DebuggerError: The text is no breakpoint, or refers to something unknown.
    """
    found, memory = parse_breakpoint(text), SeatMemory()
    events: list[int] = []
    for event in trace.graph.events:
        is_node = event.kind is EventKind.GRAD
        arrival = RecordedArrival(trace, event.index, is_before=is_node)
        is_here = found.place is None or is_reached(
            found.place, arrival, memory, number=1
        )
        memory.follow(arrival)
        done = RecordedArrival(trace, event.index)
        if is_here and (found.condition is None or found.condition.holds(done)):
            events.append(event.index)
    return events
