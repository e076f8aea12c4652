"""A gate holds training where it is asked, and nothing else changes."""

import torch
from torch import nn

from graphscope.capture.recorder import Recorder
from graphscope.model.trace import Status
from tests.capture.holding import TestGate, record, stopping_at


def train() -> None:
    torch.manual_seed(0)
    w = torch.tensor([2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(2):
        z = w * 3
        loss = z.sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def test_a_gate_is_asked_at_each_event() -> None:
    gate = TestGate(lambda _arrival: False)
    record(train, gate)
    assert [line for line in gate.asked if "Backward" not in line][:6] == [
        "w = tensor",
        "z = mul",
        "loss = sum",
        "accumulate",
        "SGD",
        "zero",
    ]
    assert gate.held == 0


def test_the_thread_is_held_outside_of_the_guard() -> None:
    states: list[tuple[bool, bool]] = []

    def look(recorder: Recorder) -> None:
        is_free = not recorder._journal.lock._is_owned()  # type: ignore[attr-defined]
        is_seen = torch._C._is_torch_function_enabled()
        is_zero = gate.asked[-1] == "zero"  # in torch's own region around it
        states.append((is_free, is_seen or is_zero))

    gate = TestGate(then=look)
    record(train, gate)
    assert set(states) == {(True, True)}
    assert len(states) == len(gate.asked)


def test_an_idle_gate_is_not_asked() -> None:
    gate = TestGate(is_armed=False)
    record(train, gate)
    assert gate.asked == []


def test_the_end_of_a_module_is_asked_about() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    gate = TestGate(lambda _arrival: False)
    gate.wants_ends = True
    record(lambda: model(torch.ones(2)), gate, model)
    assert gate.asked == ["ones", "linear", "left 0", "relu", "left 1"]
    assert gate.held == 2


def test_stopping_ends_the_trace_with_the_reason() -> None:
    traces, raised = record(train, stopping_at(2))
    assert isinstance(raised, SystemExit)
    assert raised.code == 3
    assert [trace.status for trace in traces] == [Status.OPEN]
    assert traces[0].error == "stopped: a test"
    assert len(traces[0].graph.events) == 3
