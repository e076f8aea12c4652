"""Exact comparison of traces: equal bits, not equal numbers."""

from dataclasses import astuple
from struct import pack

from graphscope.model.observation import Observation, Stats
from graphscope.model.trace import Trace


def stats_bits(stats: Stats | None) -> bytes | None:
    return None if stats is None else pack("<q5d3q", *astuple(stats))


def bits(seen: Observation | None) -> object:
    """Return something that is equal only for identical observations."""
    if seen is None:
        return None
    data = seen.data
    shown = None if data is None else (data.dtype, data.shape, data.tobytes())
    return shown, stats_bits(seen.summary)


def trace_bits(trace: Trace) -> object:
    """Return something that is equal only for identical traces."""
    return (
        trace.graph,
        trace.step,
        trace.status,
        trace.error,
        dict(trace.sources),
        [bits(seen) for seen in trace.observations],
        trace.kept,
    )


def loss_bits(loss: float | None) -> object:
    return None if loss is None else pack("<d", loss)
