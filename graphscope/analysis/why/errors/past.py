"""The steps before the one that failed: where a carried tensor comes from.

A step knows of a tensor from an earlier one only that there is one. Its name and shape
are the same in the step that computed it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.errors.failing import Backward, nodes_behind
from graphscope.model.graph import Event, EventKind, Value, ValueKind
from graphscope.model.trace import Trace

_KEPT: Final = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a carried tensor was computed.

    Attributes:
        trace: The step, without its numbers.
        facts: Of its graph.
        value: The tensor there.
    """

    trace: Trace
    facts: Facts
    value: Value


class Past:
    """The structures of the last steps; no numbers, which nobody here asks for."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, Facts]] = deque(maxlen=_KEPT)

    def add(self, trace: Trace, facts: Facts) -> None:
        """Remember a step; costs next to nothing."""
        self._steps.append((trace.step, facts))

    def find(self, carried: Value, step: int) -> Origin | None:
        """Return the step that computed what is carried into `step`: the last to fit.

        None where a step in between is missing: it may have computed it anew.
        """
        for number, facts in reversed(self._steps):
            step -= 1
            if number != step:
                return None
            for value in _made_in(facts, carried):
                return Origin(Trace(facts.graph, step), facts, value)
        return None


def carried_into(trace: Trace, backward: Backward) -> list[Value]:
    """Return the tensors of earlier steps that a backward goes back through."""
    graph = trace.graph
    start = graph.values[backward.root].grad_node
    reached = {} if start is None else nodes_behind(graph, start)
    found = {v.id for v in graph.values if v.grad_node in reached}
    for value in reversed(graph.values):  # `total += loss` has a node of this step
        if value.id in found and value.previous is not None:
            found.add(value.previous)
    return [
        value
        for value in graph.values
        if value.kind is ValueKind.CARRIED and value.id in found
    ]


def freed_by(origin: Origin) -> Event | None:
    """Return when a backward ran through the graph of a tensor, in its own step."""
    graph, node = origin.trace.graph, origin.value.grad_node
    for behind in () if node is None else nodes_behind(graph, node):
        for index in graph.grad_events.get(behind, ()):
            if graph.events[index].kind is EventKind.GRAD:
                return graph.events[index]
    return None


def _made_in(facts: Facts, carried: Value) -> Iterator[Value]:
    ids = facts.graph.names.get(carried.name or "", ())
    for found in (facts.graph.values[i] for i in reversed(ids)):
        is_result = found.kind is ValueKind.RESULT and found.grad_node is not None
        if is_result and found.shape == carried.shape and found.dtype == carried.dtype:
            yield found
