"""Expressions that the user keeps an eye on, and what they came to over the steps."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from graphscope.debugger.expressions import Expression, check_names, parse_expression
from graphscope.debugger.recorded import RecordedArrival
from graphscope.errors import DebuggerError
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace

MAX_WATCHES: Final = 50


@dataclass(frozen=True, slots=True)
class WatchList:
    """The watched expressions, in the order in which they were added."""

    expressions: tuple[Expression, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The expressions as the user wrote them."""
        return tuple(expression.text for expression in self.expressions)

    def add(self, text: str, known: Collection[str] = ()) -> "WatchList":
        """Return the list with one more; the same list when it has it already.

        Args:
            text: The expression.
            known: All names of a step; when there are any, other names are refused.

        Raises:
            DebuggerError: The text is no expression, or there are too many.
        """
        expression = parse_expression(text.strip())
        if known:
            check_names(expression, known)
        if expression.text in self.texts:
            return self
        if len(self.expressions) >= MAX_WATCHES:
            raise DebuggerError(
                f"There are {MAX_WATCHES} watches already, and no more can be. "
                "Remove some first."
            )
        return replace(self, expressions=(*self.expressions, expression))

    def remove(self, position: int) -> "WatchList":
        """Return the list without the expression at a 0-based position.

        Raises:
            DebuggerError: There is none.
        """
        if not 0 <= position < len(self.expressions):
            raise DebuggerError(
                f"There is no watch {position}: there are {len(self.expressions)}."
            )
        before, after = self.expressions[:position], self.expressions[position + 1 :]
        return replace(self, expressions=before + after)


def watch_series(
    expression: Expression,
    traces: Iterable[Trace],
    *,
    at: RecordedArrival | None = None,
) -> list[float | None]:
    """Return what an expression comes to in each step; truth is 1 and falsehood 0.

    At the end of the step; but what is asked of an event, such as `value.max`, at the
    event of `at`, in the steps that did the same as the step of `at`. None where a
    number is not there.

    Args:
        expression: What to work out.
        traces: The steps.
        at: The event that the user looks at, None for none.
    """
    if not expression.is_of_event:
        return [_last(expression, trace) for trace in traces]
    if at is None:
        return [None for _ in traces]
    is_same: dict[int, tuple[Graph, bool]] = {}  # the graph too: an id is used again
    series: list[float | None] = []
    for trace in traces:
        graph = trace.graph
        if id(graph) not in is_same:
            is_same[id(graph)] = graph, graph == at.trace.graph
        here = replace(at, trace=trace) if is_same[id(graph)][1] else None
        series.append(_number(expression, here))
    return series


def _last(expression: Expression, trace: Trace) -> float | None:
    last = len(trace.graph.events) - 1
    return _number(expression, RecordedArrival(trace, last) if last >= 0 else None)


def _number(expression: Expression, arrival: RecordedArrival | None) -> float | None:
    found = None if arrival is None else expression.evaluate(arrival)
    return None if found is None else float(found)
