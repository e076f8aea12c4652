"""Running code under capture, and what must be true of every trace."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from graphscope.capture.recorder import Recorder
from graphscope.model.check import find_violations
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace


def capture(run: Callable[[], Any], *models: torch.nn.Module) -> list[Trace]:
    """Return the traces of `run()`, checked: consistent, and no fault of ours."""
    traces: list[Trace] = []
    recorder = Recorder(traces.append, models=models)
    recorder.start()
    try:
        run()
    finally:
        recorder.stop()
    assert recorder.faults == {}
    for trace in traces:
        assert list(find_violations(trace.graph)) == []
        assert len(trace.observations) == len(trace.graph.slots)
    return traces


def ops_of(trace: Trace) -> list[str]:
    """Return one line for each op: `z = add(u, b)`."""
    lines = []
    for op in trace.graph.ops:
        outputs = ", ".join(trace.title_of(v) for v in op.outputs)
        inputs = ", ".join(a.text for a in op.arguments)
        lines.append(f"{outputs or '-'} = {op.name}({inputs})")
    return lines


def kinds_of(graph: Graph) -> list[str]:
    """Return the kinds of the events, in order."""
    return [event.kind.value for event in graph.events]


def numbers(found: object) -> Any:
    """Return an array or None as nested lists, rounded to four decimals."""
    return (
        None if found is None else np.round(np.asarray(found, np.float64), 4).tolist()
    )
