"""The places at which a breakpoint can pause, and whether an event is one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.breakpoints.memory import LEAF_KINDS, Key, SeatMemory
from graphscope.debugger.breakpoints.pattern import Pattern
from graphscope.model.graph import EventKind, Phase
from graphscope.model.site import Site


class PlaceKind(StrEnum):
    """What a place's name is the name of."""

    OP = "op"
    MODULE = "module"
    VAR = "var"
    NODE = "node"
    PHASE = "phase"
    LINE = "line"
    ANY = "any"  # a bare word: of any of these but a line


PHASES: Final = {phase.name.lower(): phase for phase in Phase}
"""The five numbered steps by the words that a breakpoint has for them."""

_LOSS: Final = Phase.LOSS.name.lower()
_LEAF_NODE: Final = "AccumulateGrad"
_OP_KINDS: Final = frozenset({EventKind.OP, EventKind.GRAD, EventKind.UPDATE})


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the run.

    Attributes:
        kind: What the name is the name of.
        pattern: The name; of a line the end of its file's path, or nothing for any.
        line: Its 1-based number.
    """

    kind: PlaceKind
    pattern: Pattern
    line: int = 0

    def is_at(self, site: Site | None) -> bool:
        """Whether a span of source is on the line."""
        if site is None or not site.line <= self.line <= site.end_line:
            return False
        return is_file(site.file, self.pattern.text)


def is_file(path: str, end: str) -> bool:
    """Whether a path is `end`, or ends in it after a separator.

    >>> [is_file("/home/me/train.py", e) for e in ("train.py", "me/train.py", "n.py")]
    [True, True, False]
    """
    path, end = path.replace("\\", "/"), end.replace("\\", "/").removeprefix("./")
    return not end or path == end or path.endswith(f"/{end.lstrip('/')}")


def is_reached(
    place: Place, arrival: Arrival, memory: SeatMemory, *, number: int
) -> bool:
    """Whether an event that comes for the first time is at `place`.

    Args:
        place: Of the breakpoint.
        arrival: The event.
        memory: What came before it in its thread.
        number: The breakpoint's, under which `memory` keeps how a line went on.
    """
    if place.kind is PlaceKind.LINE:
        return _reaches_line(place, arrival, memory, number)
    if place.kind is PlaceKind.ANY:
        return _reaches_any(place.pattern, arrival, memory)
    return _REACH[place.kind](place.pattern, arrival, memory)


def _reaches_op(pattern: Pattern, arrival: Arrival, memory: SeatMemory) -> bool:
    """Once for an op, and once for all the nodes that it made."""
    if arrival.kind not in _OP_KINDS or not pattern.matches(arrival.op):
        return False
    return arrival.kind is not EventKind.GRAD or not memory.continues_op(arrival)


def _reaches_module(pattern: Pattern, arrival: Arrival, memory: SeatMemory) -> bool:
    module = pattern.module_around(arrival.scope) if arrival.scope else ""
    if not module or arrival.kind in LEAF_KINDS:
        return False
    flow, is_backward = memory.flow, arrival.kind is EventKind.GRAD
    if flow is None or flow.is_backward is not is_backward:
        return True
    return pattern.module_around(flow.scope) != module


def _reaches_var(pattern: Pattern, arrival: Arrival, _memory: SeatMemory) -> bool:
    if arrival.kind is EventKind.ZERO:
        return False
    return any(map(pattern.matches, arrival.names))


def _reaches_any(pattern: Pattern, arrival: Arrival, memory: SeatMemory) -> bool:
    """Whether it is any place of that name.

    A parameter of a module that is meant is not: `encoder.*` are the modules in the
    encoder. And `loss` is a value, although a phase is called so.
    """
    for kind, reach in _REACH.items():
        if kind is PlaceKind.VAR and not any(
            pattern.matches(name) and not pattern.module_around(name.rpartition(".")[0])
            for name in arrival.names
        ):
            continue
        if kind is PlaceKind.PHASE and pattern.text == _LOSS:
            continue
        if reach(pattern, arrival, memory):
            return True
    return False


def _reaches_node(pattern: Pattern, arrival: Arrival, _memory: SeatMemory) -> bool:
    if arrival.kind is EventKind.ACCUMULATE:
        return pattern.matches(arrival.node or _LEAF_NODE)
    return arrival.kind is EventKind.GRAD and pattern.matches(arrival.node)


def _reaches_phase(pattern: Pattern, arrival: Arrival, memory: SeatMemory) -> bool:
    phase = PHASES.get(pattern.text)
    is_new = memory.phase != (arrival.step, arrival.phase)
    return arrival.phase is phase and is_new


def _reaches_line(
    place: Place, arrival: Arrival, memory: SeatMemory, number: int
) -> bool:
    """Whether the line begins to run: once for all that it computes.

    It has begun anew when the same op comes a second time without another line in
    between, as in a loop of one line.
    """
    if not place.is_at(arrival.site):
        return False
    if arrival.kind in LEAF_KINDS:
        return not place.is_at(memory.leaf)
    keys, key = memory.line_keys.setdefault(number, set()), _key_of(arrival)
    flow, is_backward = memory.flow, arrival.kind is EventKind.GRAD
    is_same_run = (
        flow is not None and flow.is_backward is is_backward and place.is_at(flow.site)
    )
    is_new = not is_same_run or key in keys
    if is_new:
        keys.clear()
    keys.add(key)
    return is_new


def _key_of(arrival: Arrival) -> Key:
    return (arrival.op, arrival.node, arrival.scope, arrival.site)


_REACH: Final[dict[PlaceKind, Callable[[Pattern, Arrival, SeatMemory], bool]]] = {
    PlaceKind.OP: _reaches_op,
    PlaceKind.MODULE: _reaches_module,
    PlaceKind.VAR: _reaches_var,
    PlaceKind.NODE: _reaches_node,
    PlaceKind.PHASE: _reaches_phase,
}
