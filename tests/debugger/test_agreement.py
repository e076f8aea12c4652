"""A condition comes to the same in training and afterwards, over the recording."""

import torch

from graphscope.capture.recorder import Recorder
from graphscope.debugger.arrival import Arrival
from graphscope.debugger.expressions import parse_expression
from graphscope.debugger.expressions.numbers import Answer
from graphscope.debugger.recorded import RecordedArrival
from graphscope.model.trace import Trace
from tests.debugger.breakpoints.driving import Net

TEXTS = (
    *("grad", "grad.l2", "arrived.l2", "arrived.min", "loss", "step", "pass"),
    *("'head.bias'.grad.l2", "'head.bias'.arrived", "head.weight.grad.max"),
    *("has_nan", "has_inf", "exploding", "vanishing", "zero_grad", "none_grad"),
)
EXPRESSIONS = tuple(map(parse_expression, TEXTS))


def facts(arrival: Arrival) -> tuple[object, ...]:
    """Return what an event says of itself, but for names that come with the line."""
    where = arrival.site.short if arrival.site is not None else ""
    what = (arrival.kind, arrival.op, arrival.node, arrival.scope, where)
    return (*what, arrival.pass_index)


def answers(arrival: Arrival) -> list[Answer]:
    return [expression.evaluate(arrival) for expression in EXPRESSIONS]


Asked = tuple[int, int, bool, tuple[object, ...], list[Answer]]


class Asking:
    """A gate that never holds training, and notes what it was told."""

    is_armed = True

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def reached(self, arrival: Arrival, /) -> bool:
        place = (arrival.step, arrival.index, arrival.is_before)
        self.asked.append((*place, facts(arrival), answers(arrival)))
        return False

    def left(self, _scope: str, /) -> bool:
        return False

    def hold(self, _recorder: object, /) -> None:
        raise AssertionError("nothing asked to hold")


def train_asking(steps: int) -> tuple[list[Asked], list[Trace]]:
    """Return what was answered while a network trained, and its recorded steps."""
    torch.manual_seed(0)
    net, gate, traces = Net(), Asking(), list[Trace]()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    x, y = torch.ones(3, 2), torch.zeros(3, 1)
    recorder = Recorder(traces.append, models=(net,), gate=gate)
    recorder.start()
    try:
        for _ in range(steps):
            loss = ((net(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    finally:
        recorder.stop()
    assert recorder.faults == {}
    return gate.asked, traces


def test_conditions_come_to_the_same_live_and_recorded() -> None:
    asked, traces = train_asking(3)
    nodes = sum(len(trace.graph.grad_events) for trace in traces)
    assert len(asked) > sum(len(t.graph.events) for t in traces) > nodes
    for step, event, is_before, told, found in asked:
        arrival = RecordedArrival(traces[step], event, is_before)
        assert facts(arrival) == told
        expected = dict(zip(TEXTS, answers(arrival), strict=True))
        assert dict(zip(TEXTS, found, strict=True)) == expected
