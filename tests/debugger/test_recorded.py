"""What is known at an event of a recorded step: the past, and not yet the future."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from graphscope.debugger.arrival import Arrival, Aspect
from graphscope.debugger.expressions import parse_expression
from graphscope.debugger.recorded import RecordedArrival
from graphscope.errors import StepRangeError, UnknownNameError
from graphscope.model.graph import EventKind, Phase, Role
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace
from tests.capture.capturing import capture
from tests.debugger.breakpoints.driving import arrivals_of, train
from tests.samples import logistic_trace

TRACE = logistic_trace()
U, Z, A, LOSS, ZERO, D_LOSS, D_A, D_Z, AT_B, D_U, AT_W, UPDATE = range(12)
"""The events of the logistic step, in order."""


def at(event: int, *, is_before: bool = False, trace: Trace = TRACE) -> Arrival:
    return RecordedArrival(trace, event, is_before)


def value_at(
    text: str, event: int, *, is_before: bool = False, trace: Trace = TRACE
) -> object:
    """Return what an expression comes to, to four decimals."""
    found = parse_expression(text).evaluate(at(event, is_before=is_before, trace=trace))
    return round(found, 4) if isinstance(found, float) else found


def test_an_event_says_what_it_is() -> None:
    op, node, leaf, update = at(Z), at(D_Z, is_before=True), at(AT_B), at(UPDATE)
    kinds = (EventKind.OP, EventKind.GRAD, EventKind.ACCUMULATE, EventKind.UPDATE)
    found = (op, node, leaf, update)
    assert tuple(a.kind for a in found) == kinds
    assert [a.op for a in found] == ["add", "add", "", "SGD"]
    assert [a.node for a in found] == ["", "AddBackward0", "", ""]
    assert [a.names for a in found] == [("z",), ("z",), ("b",), ("w_1", "b")]
    assert [a.site.short for a in found if a.site] == [
        *("logistic.py:13", "logistic.py:13", "logistic.py:17", "logistic.py:18")
    ]
    assert [a.phase for a in found] == [
        *(Phase.FORWARD, Phase.BACKWARD, Phase.BACKWARD, Phase.UPDATE)
    ]
    assert [a.is_before for a in found] == [False, True, False, False]
    assert [(a.step, a.pass_index, a.index) for a in (op, update)] == [
        *((0, 0, Z), (0, 0, UPDATE))
    ]


def test_a_node_has_the_module_of_its_op() -> None:
    (trace, _) = train(2)
    modules = {
        (a.node or a.op, a.scope)
        for a in arrivals_of(trace)
        if a.kind in {EventKind.OP, EventKind.GRAD}
    }
    assert {("linear", "head"), ("AddmmBackward0", "head")} <= modules
    assert ("ReluBackward0", "layers.1") in modules


def test_there_is_no_event_outside_of_the_step() -> None:
    for event in (-1, 12):
        with pytest.raises(StepRangeError, match="Step 0 has 12 events, none with"):
            RecordedArrival(TRACE, event)


def test_a_value_is_known_from_the_event_that_makes_it() -> None:
    assert value_at("z", Z) == 1.9
    assert value_at("z", U) is None
    with pytest.raises(UnknownNameError, match=r"'z' in step 0 so far\. Nearest"):
        at(U).named("z", Aspect.VALUE)
    assert value_at("b", U) == 0.05  # a leaf is there from the start


def test_known_names_grow() -> None:
    assert set(at(U).known_names()) == {"x_1", "w_1", "u", "b", "y"}
    assert set(at(A).known_names()) == {"x_1", "w_1", "u", "b", "y", "z", "a"}


def test_a_gradient_is_known_before_the_node_runs() -> None:
    assert value_at("z.grad", D_A) is None
    assert value_at("z.grad", D_Z, is_before=True) == -0.1301
    assert value_at("grad", D_Z, is_before=True) == -0.1301
    assert value_at("arrived", D_Z, is_before=True) == -0.1301
    assert value_at("value", D_Z, is_before=True) == 1.9
    assert value_at("z.grad", UPDATE) == -0.1301


def test_what_a_node_sends_is_seen_after_it_has_run() -> None:
    before = list(at(D_Z, is_before=True).numbers())
    after = list(at(D_Z).numbers())
    assert len(before) == 1
    assert len(after) == 5  # what reached it, two local derivatives, two edges
    assert before[0] is after[0]


def test_a_leaf_has_what_arrived_and_what_was_accumulated() -> None:
    assert value_at("w_1.grad", D_U) is None
    for text in ("w_1.grad", "w_1.arrived", "grad", "arrived"):
        assert value_at(text, AT_W) == -0.4814
    assert value_at("w_1.grad.l2", UPDATE) == 0.4814
    assert value_at("grad", ZERO) is None
    assert value_at("arrived", ZERO) is None


def test_a_parameter_is_new_after_its_update() -> None:
    assert value_at("w_1", AT_W) == 0.5
    assert value_at("w_1", UPDATE) == 0.5481
    assert value_at("value", UPDATE) == 0.5481
    assert value_at("b", UPDATE) == 0.063


def test_the_loss_is_known_when_backward_has_started_from_it() -> None:
    """No value is called `loss` here: until backward nobody knows which it is."""
    assert value_at("loss", LOSS) is None
    assert value_at("loss", ZERO) is None
    assert value_at("loss", D_LOSS, is_before=True) == 0.1394
    assert value_at("loss.value.max", UPDATE) == 0.1394


def test_a_value_named_loss_is_the_loss_before_backward() -> None:
    (trace, _) = train(2)
    titles = [trace.event_title(e.index) for e in trace.graph.events]
    made = titles.index("loss = mean")
    assert value_at("loss", made - 1, trace=trace) is None
    assert at(made, trace=trace).loss() == trace.loss()


class Watched(Sequence[Observation | None]):
    """The numbers of a step, and which of them were looked at."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.looked_at: set[int] = set()

    def __len__(self) -> int:
        return len(self._trace.observations)

    def __getitem__(self, slot: Any) -> Any:
        self.looked_at.add(slot)
        return self._trace.observations[slot]


def is_from_outside(trace: Trace, slot: int) -> bool:
    """Whether a slot has the numbers of a leaf, which is there from the start."""
    found = trace.graph.slots[slot]
    value = None if found.value is None else trace.graph.values[found.value]
    return found.role is Role.VALUE and value is not None and value.op is None


@pytest.mark.parametrize("trace", [TRACE, *train(2)], ids=["sample", "0", "1"])
def test_numbers_of_later_events_are_never_looked_at(trace: Trace) -> None:
    watched = Watched(trace)
    looked_at: set[int] = set()
    for arrival in arrivals_of(replace(trace, observations=watched)):
        watched.looked_at.clear()
        arrival.loss()
        list(arrival.numbers())
        list(arrival.without_gradient())
        for aspect in Aspect:
            arrival.own(aspect)
            for name in arrival.known_names():
                arrival.named(name, aspect)
        slots = trace.graph.slots
        found = {s for s in watched.looked_at if not is_from_outside(trace, s)}
        late = {s for s in found if slots[s].event > arrival.index}
        assert late == set()
        if arrival.is_before:
            here = {slots[s].role for s in found if slots[s].event == arrival.index}
            assert here == {Role.GRAD_OUTPUT}
        looked_at |= found
    assert len(looked_at) > len(trace.graph.events)


def traces_of(run: Callable[[], Any], *models: nn.Module) -> list[Trace]:
    torch.manual_seed(0)
    return capture(run, *models)


def test_an_update_by_hand_makes_the_parameter_new_as_well() -> None:
    def run() -> None:
        w = torch.tensor([2.0], requires_grad=True)
        for _ in range(2):
            loss = (w * 3).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                w -= 0.5 * w.grad  # type: ignore[operator]
                w.grad = None

    first, second = traces_of(run)
    titles = [first.event_title(e.index) for e in first.graph.events]
    last = len(titles) - 1
    there = titles.index("accumulate w")
    assert value_at("w", there, trace=first) == 2.0
    assert value_at("w.grad", there, trace=first) == 3.0
    assert value_at("w", last, trace=first) == 0.5
    assert value_at("w.grad", last, trace=first) in {3.0, None}
    assert value_at("w", len(second.graph.events) - 1, trace=second) == -1.0


def test_a_name_means_the_value_outside_of_modules() -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h: torch.Tensor = self.fc(x)
            return h * 2

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.inner(x)
            return out

    net = Net()

    def run() -> None:
        x = torch.ones(1, 1)
        h = x * 7
        out = net(h)
        out.sum().backward()

    (trace,) = traces_of(run, net)
    last = len(trace.graph.events) - 1
    assert value_at("h", last, trace=trace) == 7.0
    value = trace.resolve("h")
    assert at(last, trace=trace).named("h", Aspect.VALUE) == trace.value_of(value.id)


class Forked(nn.Module):
    """A module with a parameter that backward never reaches, and a frozen one."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(2, 1)
        self.idle = nn.Linear(2, 1)
        self.frozen = nn.Linear(1, 1).requires_grad_(requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.frozen(self.used(x))
        with torch.no_grad():
            self.idle(x)
        return out


def missing_at_updates(trace: Trace) -> list[list[str]]:
    return [
        list(arrival.without_gradient())
        for arrival in arrivals_of(trace)
        if arrival.kind is EventKind.UPDATE
    ]


def test_a_parameter_that_backward_missed_is_named_at_the_update() -> None:
    net = Forked()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def run() -> None:
        for _ in range(2):
            optimizer.zero_grad()
            net(torch.ones(1, 2)).sum().backward()
            optimizer.step()

    for trace in traces_of(run, net):
        assert missing_at_updates(trace) == [["idle.bias", "idle.weight"]]
        others = [a for a in arrivals_of(trace) if a.kind is not EventKind.UPDATE]
        assert all(not list(a.without_gradient()) for a in others)
        last = len(trace.graph.events) - 1
        assert value_at("none_grad", last, trace=trace) is True


def test_the_parameters_of_another_optimizer_are_not_missed() -> None:
    """Of a GAN each optimizer updates its own half."""
    maker, judge = nn.Linear(1, 2), nn.Linear(2, 1)
    first = torch.optim.SGD(judge.parameters(), lr=0.1)
    second = torch.optim.SGD(maker.parameters(), lr=0.1)

    def run() -> None:
        for _ in range(2):
            fake = maker(torch.ones(1, 1))
            first.zero_grad()
            judge(fake.detach()).sum().backward()
            first.step()
            second.zero_grad()
            judge(fake).sum().backward()
            second.step()

    steps = [missing_at_updates(trace) for trace in traces_of(run, maker, judge)]
    assert steps == [[[]]] * 4
