"""Whether a breakpoint can pause at all: a name that no step has is a slip of the pen.

Told after a whole step, because until then a name may still come.
"""

from collections.abc import Callable, Collection
from typing import Final

from graphscope.debugger.breakpoints.parse import Breakpoint
from graphscope.debugger.breakpoints.pattern import Pattern, outer_modules
from graphscope.debugger.breakpoints.places import PHASES, Place, PlaceKind, is_file
from graphscope.debugger.expressions.expression import find_unknown
from graphscope.debugger.expressions.mistakes import nearest, quoted
from graphscope.model.graph import EventKind, Graph
from graphscope.model.site import Site


def find_problem(breakpoint_: Breakpoint, graph: Graph) -> str:
    """Return why a breakpoint cannot pause in a step like this, empty when it can."""
    place, condition = breakpoint_.place, breakpoint_.condition
    if place is not None:
        problem = _place_problem(place, graph)
        if problem:
            return problem
    mistake = find_unknown(condition, graph.names) if condition is not None else None
    return mistake.sentence if mistake is not None else ""


def _place_problem(place: Place, graph: Graph) -> str:
    if place.kind is PlaceKind.LINE:
        return _line_problem(place, graph)
    if place.kind is PlaceKind.PHASE:
        return ""
    kinds = tuple(_NAMES) if place.kind is PlaceKind.ANY else (place.kind,)
    names = {name for kind in kinds for name in _NAMES[kind](graph)}
    if place.kind is PlaceKind.ANY and place.pattern.text in PHASES:
        return ""
    if any(map(place.pattern.matches, names)):
        return ""
    return _missing(_NOUNS[place.kind], place.pattern, names)


def _missing(noun: str, pattern: Pattern, names: Collection[str]) -> str:
    near = nearest(pattern.text, names, 3)
    return f"{noun} is named {quoted(pattern.text)}.{near}"


def _line_problem(place: Place, graph: Graph) -> str:
    sites = _sites(graph)
    if any(map(place.is_at, sites)):
        return ""
    file = place.pattern.text
    lines = {s.line for s in sites if is_file(s.file, file)}
    if not lines:
        names = {site.short.rpartition(":")[0] for site in sites}
        return f"Nothing ran in a file {quoted(file)}.{nearest(file, names, 3)}"
    near = min(lines, key=lambda line: (abs(line - place.line), -line))
    return f"Nothing that is recorded ran in line {place.line}. Nearest line: {near}."


def _sites(graph: Graph) -> set[Site]:
    of_ops = {op.site for op in graph.ops if op.site is not None}
    kinds = (EventKind.ACCUMULATE, EventKind.CAPTURE, EventKind.ZERO, EventKind.UPDATE)
    of_events = {e.site for e in graph.events if e.kind in kinds and e.site is not None}
    return of_ops | of_events


def _ops(graph: Graph) -> set[str]:
    updates = {e.label for e in graph.events if e.kind is EventKind.UPDATE}
    return {op.name for op in graph.ops} | updates


def _modules(graph: Graph) -> set[str]:
    scopes = {op.scope for op in graph.ops} - {""}
    return {module for scope in scopes for module in outer_modules(scope)}


def _vars(graph: Graph) -> Collection[str]:
    return graph.names


def _nodes(graph: Graph) -> set[str]:
    return {node.name for node in graph.grad_nodes}


_NAMES: Final[dict[PlaceKind, Callable[[Graph], Collection[str]]]] = {
    PlaceKind.OP: _ops,
    PlaceKind.MODULE: _modules,
    PlaceKind.VAR: _vars,
    PlaceKind.NODE: _nodes,
}
_NOUNS: Final = {
    PlaceKind.OP: "No op",
    PlaceKind.MODULE: "No module",
    PlaceKind.VAR: "No value",
    PlaceKind.NODE: "No autograd node",
    PlaceKind.ANY: "Nothing",
}
