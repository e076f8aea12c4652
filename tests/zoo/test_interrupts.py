"""Exceptions and interrupts in the middle of forward, backward and update."""

import gc
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import graphscope as gs
from graphscope.model.trace import Trace
from graphscope.session.runs import Tracing
from tests.zoo.asking import numbers, op_names, picture, seen_as
from tests.zoo.watching import Look, Program, bits, three_parts

KINDS = [ValueError, KeyboardInterrupt, SystemExit, StopIteration, GeneratorExit]
every_kind = pytest.mark.parametrize("kind", KINDS)


def _in_forward(kind: type[BaseException]) -> torch.Tensor:
    class Fails(nn.Module):
        def forward(self, h: torch.Tensor) -> torch.Tensor:
            """Compute something, then raise."""
            torch.tanh(h)
            raise kind("planted")

    x = torch.ones(1, 2, requires_grad=True)
    model = nn.Sequential(nn.Linear(2, 2), Fails())
    result: torch.Tensor = model(x)
    return result


def _in_a_hook(kind: type[BaseException]) -> torch.Tensor:
    x = torch.ones(2, requires_grad=True)
    y = x * 2

    def fail(_: torch.Tensor) -> None:
        raise kind("planted")

    y.register_hook(fail)
    (y * 3).sum().backward()
    return y


class _FailsInBackward(torch.autograd.Function):
    kind: type[BaseException] = ValueError

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Return a copy."""
        return x * 1

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:  # noqa: ARG004
        """Raise."""
        gradients[0] * 2
        raise _FailsInBackward.kind("planted")


def _in_a_functions_backward(kind: type[BaseException]) -> torch.Tensor:
    _FailsInBackward.kind = kind
    x = torch.ones(2, requires_grad=True)
    y = _FailsInBackward.apply(x * 2)
    (y * 3).sum().backward()
    return x


def _in_the_closure_of_an_optimizer(kind: type[BaseException]) -> torch.Tensor:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w])

    def closure() -> float:
        (w * 2).sum().backward()
        raise kind("planted")

    optimizer.step(closure)
    return w


PLACES: list[Callable[[type[BaseException]], torch.Tensor]] = [
    _in_forward,
    _in_a_hook,
    _in_a_functions_backward,
    _in_the_closure_of_an_optimizer,
]
every_place = pytest.mark.parametrize("place", PLACES, ids=lambda p: p.__name__[1:])


def _told_and_continued(place: Any) -> Program:
    """Catch the error inside of the trace, and train on."""

    def program(look: Look) -> Any:
        told = []
        for kind in KINDS:
            try:
                place(kind)
            except BaseException as error:  # noqa: BLE001 - it is what is compared
                told.append((type(error).__name__, str(error)))
        w = torch.ones(2, requires_grad=True)
        loss = (w * 2).sum()
        look(loss, w=w)
        loss.backward()
        return [told, w.grad]

    program.__name__ = place.__name__[1:]
    return program


PROGRAMS = [_told_and_continued(place) for place in PLACES]
test_it_is_harmless, *_, test_it_can_be_drawn = three_parts(PROGRAMS)


def _interrupted(place: Any, kind: type[BaseException]) -> tuple[Tracing, Any]:
    t = gs.trace()
    with pytest.raises(kind) as caught, t:
        place(kind)
    return t, caught


@every_kind
@every_place
def test_the_error_arrives_unchanged_and_nothing_stays_behind(
    place: Any, kind: type[BaseException]
) -> None:
    t, caught = _interrupted(place, kind)
    assert str(caught.value) == "planted"
    assert t.faults == {}
    assert torch._C._len_torch_function_stack() == 0
    trace = t.last.trace
    assert trace.status == "aborted"
    assert trace.error == f"{kind.__name__}: planted"
    assert f"{kind.__name__}: planted" in picture(trace)


def test_what_ran_before_the_error_is_recorded() -> None:
    t, _ = _interrupted(_in_forward, KeyboardInterrupt)
    assert op_names(t.last.trace) == ["linear", "tanh"]
    assert [op.scope for op in t.last.trace.graph.ops if op.name == "tanh"] == ["1"]


def test_gradients_that_flowed_before_the_error_are_recorded() -> None:
    t, _ = _interrupted(_in_a_hook, ValueError)
    trace = t.last.trace
    assert seen_as(trace, "edge", "y") == [[3, 3]]
    assert seen_as(trace, "arrived", "x") == []


def test_the_scope_stack_is_empty_again_after_an_error_in_a_module() -> None:
    with gs.trace() as t:
        for _ in range(2):
            with suppress(ValueError):
                _in_forward(ValueError)
        outside = torch.ones(1) * 2
    op = t.last.trace.graph.ops[-1]
    assert (op.name, op.scope) == ("mul", "")
    assert outside.item() == 2


@pytest.fixture(name="no_callbacks")
def _no_callbacks() -> Iterator[None]:
    """Take away what others run in garbage collections: it swallows exceptions."""
    kept = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks.extend(kept)


@pytest.mark.usefixtures("no_callbacks")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_at_a_random_moment_leaves_a_readable_recording(
    name: str, tmp_path: Path
) -> None:
    class Stop(Exception):  # noqa: N818 - as a user's handler raises
        pass

    def stop(*_: object) -> None:
        raise Stop

    number = signal.Signals[name]
    before = signal.signal(number, stop)
    try:
        for attempt in range(10):
            path = tmp_path / f"{attempt}.gscope"
            with pytest.raises(Stop):
                _train_until_stopped(path, number, 0.002 * (attempt + 1))
            assert torch._C._len_torch_function_stack() == 0
            with gs.load(path) as recording:
                assert [_is_true(step.trace) for step in recording] == [True] * len(
                    recording
                )
    finally:
        signal.signal(number, before)


def _train_until_stopped(path: Path, number: int, after_s: float) -> None:
    w = torch.ones(3, requires_grad=True)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(after_s, signal.pthread_kill, (main, number))
    try:
        with gs.record(path):
            timer.start()
            while timer.is_alive():
                loss = (w * 2).sum()
                loss.backward()
                with torch.no_grad():
                    assert w.grad is not None
                    w -= 0.001 * w.grad
                w.grad = None
            timer.join()
    finally:
        # no signal may come later, and torch's own `no_grad`, interrupted in the first
        # line of its `__exit__`, leaves gradients off, also without us
        timer.join()
        torch.set_grad_enabled(True)


def _is_true(trace: Trace) -> bool:
    """Every gradient that was recorded is the one there is."""
    return all(
        found == [2, 2, 2]
        for value in trace.graph.names.get("w", ())
        for _, seen in trace.arrivals(value)
        for found in [numbers(seen)]
    )


def test_a_generator_that_is_closed_inside_of_a_trace_is_harmless() -> None:
    def batches() -> Any:
        try:
            while True:
                yield torch.ones(2) * 3
        finally:
            torch.zeros(1) + 1

    with gs.trace() as t:
        stream = batches()
        first = next(stream)
        stream.close()
    assert bits(first) == bits(torch.full((2,), 3.0))
    assert op_names(t.last.trace) == ["mul", "add"]
