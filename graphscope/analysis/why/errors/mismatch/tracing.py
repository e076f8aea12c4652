"""Where a tensor got its shape: the calls back to what came from outside."""

from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.errors.wording import write_step
from graphscope.model.finding import PathStep
from graphscope.model.graph import Op, Value, ValueKind
from graphscope.model.numbers import format_type
from graphscope.model.trace import Trace

_MOST: Final = 8
_GIVEN: Final = frozenset(
    {ValueKind.PARAMETER, ValueKind.BUFFER, ValueKind.CONSTANT, ValueKind.GRADIENT}
)


def trace_shapes(facts: Facts, trace: Trace, value: int) -> tuple[PathStep, ...]:
    """Return how a tensor came to be, with its type at each station.

    Of a long way the first station and the last ones.
    """
    stations = [value]
    before = _before(facts, value)
    while before is not None and len(stations) < len(facts.graph.values):
        stations.append(before)
        before = _before(facts, before)
    stations.reverse()
    if len(stations) > _MOST:
        stations = [stations[0], *stations[1 - _MOST :]]
    return tuple(_write(trace, station) for station in stations)


def _before(facts: Facts, value: int) -> int | None:
    """Return the tensor that a value was mainly made of."""
    op = facts.op_of(value)
    previous = facts.graph.values[value].previous
    if op is None or previous is not None:
        return previous
    return _main_input(facts, op)


def _main_input(facts: Facts, op: Op) -> int | None:
    values: list[Value] = [facts.graph.values[v] for v in op.inputs]
    data = [v for v in values if v.kind not in _GIVEN]
    found = data or [v for v in values if v.kind is not ValueKind.CONSTANT]
    return found[0].id if found else None


def _write(trace: Trace, value: int) -> PathStep:
    found = trace.graph.values[value]
    kind = format_type(found.dtype, found.shape)
    device = "" if found.device == "cpu" else f" on {found.device}"
    return write_step(trace, value, f"{kind}{device}")
