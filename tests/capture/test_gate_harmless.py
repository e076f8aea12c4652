"""A program cannot tell whether training is held, and nor can its recording."""

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from graphscope.capture.arrivals import LiveArrival
from graphscope.capture.recorder import Recorder
from graphscope.model.check import find_violations
from graphscope.model.graph import EventKind
from graphscope.model.trace import Trace
from tests.capture.holding import TestGate, record
from tests.capture.programs import PROGRAMS
from tests.capture.test_harmless import _plain
from tests.capture.test_replay import LOOPS, _facts

# torch gives this one itself, when torch.func.jvp is imported for the first time
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

_FEW = 60

RUNS: dict[str, Callable[[], Any]] = {**PROGRAMS, **LOOPS}


def run(work: Callable[[], Any]) -> Callable[[], Any]:
    """Register one more program."""
    RUNS[work.__name__] = work
    return work


@run
def lbfgs_with_a_closure() -> Any:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=3)

    def closure() -> float:
        optimizer.zero_grad()
        loss = ((w - 3) ** 4).sum()
        loss.backward()
        return float(loss.detach())

    for _ in range(3):
        optimizer.step(closure)
    return [w.detach()]


@run
def backward_twice_through_a_retained_graph() -> Any:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(4):
        loss = (w * 2).pow(2).sum()
        node: Any = loss.grad_fn
        loss.backward(retain_graph=True)
        node.register_prehook(lambda gradients: (gradients[0] * 3,))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return [w.detach()]


@run
def a_penalty_on_the_gradient() -> Any:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(4):
        x = torch.randn(5, 3, requires_grad=True)
        y = model(x).sum()
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        optimizer.zero_grad(set_to_none=False)
        (g.norm() + y).backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()]


@run
def a_backward_inside_of_a_backward() -> Any:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def inner(gradient: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            v = torch.ones(3, requires_grad=True)
            (v * 2).sum().backward()
        assert v.grad is not None
        return gradient * v.grad

    for _ in range(4):
        h = w * 3
        h.register_hook(inner)
        optimizer.zero_grad()
        h.sum().backward()
        optimizer.step()
    return [w.detach()]


def _watched(work: Callable[[], Any]) -> tuple[Any, ...]:
    """Run from a fixed seed; return results, warnings and the random state."""
    torch.manual_seed(7)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = work()
    told = [(w.category, str(w.message), w.filename, w.lineno) for w in caught]
    return result, told, torch.get_rng_state()


def _facts_of(trace: Trace) -> tuple[Any, ...]:
    return *_facts(trace), dict(trace.sources)


@pytest.mark.parametrize("name", RUNS)
def test_a_gate_changes_neither_numbers_nor_recording(name: str) -> None:
    work = RUNS[name]
    places: list[tuple[int, int, bool]] = []

    def look(recorder: Recorder) -> None:
        step, index, is_late = places[-1]
        if index > _FEW and index.bit_count() > 1:
            return  # each snapshot of a long step takes long
        trace = recorder.snapshot()
        assert list(find_violations(trace.graph)) == []
        assert trace.step == step
        last = len(trace.graph.events) - 1
        assert index < last if is_late else index == last

    def note(arrival: LiveArrival) -> bool:
        # What ran inside of a node that is over came after the node had begun.
        is_late = arrival.index < len(arrival._index.journal.events) - 1
        assert not is_late or arrival.kind is EventKind.GRAD
        places.append((arrival.step, arrival.index, is_late))
        return True

    _watched(work)  # warnings that torch gives once per process come first
    gates = (
        None,
        TestGate(is_armed=False),
        TestGate(lambda _arrival: False),
        TestGate(note, look),
    )
    bare = _plain(_watched(work))
    seen: list[Any] = []
    found = []
    for gate in gates:  # from one line: the same sites
        traces, _ = record(lambda: seen.append(_watched(work)), gate)
        found.append([_facts_of(trace) for trace in traces])
    assert all(_plain(one) == bare for one in seen)
    for other in found[1:]:
        assert len(other) == len(found[0])
        for one, two in zip(found[0], other, strict=True):
            for fact, same in zip(one, two, strict=True):
                assert fact == same
    assert gates[3] is not None
    assert gates[3].held > 0


class Flickering:
    """A gate that is armed at some reads and not at others, always at the same."""

    def __init__(self) -> None:
        self._random = random.Random(5)  # noqa: S311 - no secret
        self.asked = 0

    @property
    def is_armed(self) -> bool:
        """Return another answer each time."""
        return self._random.random() < 0.4

    @is_armed.setter
    def is_armed(self, _value: bool) -> None: ...

    def reached(self, arrival: LiveArrival, /) -> bool:
        """Look at all of the event, and hold at some."""
        self.asked += 1
        list(arrival.numbers())
        arrival.loss()
        return self._random.random() < 0.3

    def left(self, _scope: str, /) -> bool:
        """Hold at some ends."""
        return self._random.random() < 0.3

    def hold(self, recorder: Recorder, /) -> None:
        """Look at the step."""
        recorder.snapshot()


@pytest.mark.parametrize("name", sorted(set(RUNS) - {"a_deep_chain"}))
def test_a_gate_that_is_armed_at_any_moment_changes_nothing(name: str) -> None:
    work = RUNS[name]
    _watched(work)  # warnings that torch gives once per process come first
    gate = Flickering()
    seen: list[Any] = []
    found = []
    for one in (None, gate):  # from one line: the same sites
        traces, _ = record(lambda: seen.append(_watched(work)), one)
        found.append([_facts_of(trace) for trace in traces])
    assert _plain(seen[0]) == _plain(seen[1])
    assert found[0] == found[1]
    assert gate.asked > 0
