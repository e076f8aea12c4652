"""Steps of other structure than the logistic one, made from it."""

from dataclasses import replace

import numpy as np

from graphscope.model.graph import (
    Argument,
    Event,
    EventKind,
    Op,
    OpKind,
    Phase,
    Role,
    Slot,
)
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from tests.samples import logistic_trace, site


def without_zeroing(step: int = 0) -> Trace:
    """Return a step that begins backward without setting gradients to None."""
    trace = logistic_trace(step)
    graph = trace.graph
    events: list[Event] = []
    slots: list[Slot] = []
    seen: list[Observation | None] = []
    for event in graph.events:
        if event.kind is EventKind.ZERO:
            continue
        start, stop = event.slots
        first = len(slots)
        slots += [replace(s, event=len(events)) for s in graph.slots[start:stop]]
        seen += trace.observations[start:stop]
        events.append(replace(event, index=len(events), slots=(first, len(slots))))
    shorter = replace(graph, events=tuple(events), slots=tuple(slots))
    return replace(trace, graph=shorter, observations=tuple(seen))


def zeroed_after_the_update() -> Trace:
    """Return a step that sets the gradient of the updated w_1 to None at its end."""
    trace = logistic_trace()
    graph = trace.graph
    updated = replace(graph.values[1], id=8, version=1, previous=1)
    start = len(graph.slots)
    zero = Event(
        len(graph.events),
        EventKind.ZERO,
        Phase.ZERO,
        0,
        values=(8,),
        slots=(start, start + 1),
        site=site(16, "optimizer.zero_grad()"),
        label="to None",
    )
    slot = Slot(zero.index, Role.VALUE, 8, shape=(1,))
    longer = replace(
        graph,
        values=(*graph.values, updated),
        events=(*graph.events, zero),
        slots=(*graph.slots, slot),
    )
    seen = (*trace.observations, Observation(np.full(1, 0.5481)))
    return replace(trace, graph=longer, observations=seen)


def with_readout() -> Trace:
    """Return a step that reads the loss as a number at its end."""
    trace = logistic_trace()
    graph = trace.graph
    arguments = (Argument("", 7, "l"),)
    item = Op(4, "item", "torch.Tensor.item", OpKind.READOUT, arguments, ())
    end = len(graph.slots)
    event = Event(
        len(graph.events), EventKind.OP, Phase.UPDATE, 0, op=4, slots=(end, end)
    )
    longer = replace(graph, ops=(*graph.ops, item), events=(*graph.events, event))
    return replace(trace, graph=longer)
