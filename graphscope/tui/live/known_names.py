"""Which names a condition or a watch may mention: those that the last steps had."""

from typing import Final

from graphscope.debugger.breakpoints import check_breakpoint, parse_breakpoint
from graphscope.errors import DebuggerError, GraphscopeError
from graphscope.model.trace import Status
from graphscope.tui.feed import Feed

_LOOKED_AT: Final = 2
_AGAIN: Final = "Press enter again to add it all the same: it may come later."


def known_names(feed: Feed) -> frozenset[str]:
    """Return the names of the last steps; none where no step is complete yet."""
    names: set[str] = set()
    is_complete = False
    for step in range(max(feed.steps - _LOOKED_AT, 0), feed.steps):
        try:
            trace = feed.trace(step)
        except GraphscopeError:
            continue
        names.update(trace.graph.names)
        is_complete = is_complete or trace.status is Status.COMPLETE
    return frozenset(names) if is_complete else frozenset()


def find_mistake(text: str, known: frozenset[str]) -> str:
    """Say which name of a breakpoint's condition nothing has; empty when all are known.

    What is no breakpoint at all is left to the debugged process to refuse.
    """
    try:
        found = parse_breakpoint(text)
    except DebuggerError:
        return ""
    try:
        if known:
            check_breakpoint(found, known)
    except DebuggerError as error:
        return f"{error}\n{_AGAIN}"
    return ""
