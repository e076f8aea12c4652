"""Ending the training at an event: the exception arrives in the user's code."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules import module
from torch.optim import optimizer as optimizers
from torch.utils.checkpoint import checkpoint

from graphscope.capture.gate import StopTraining
from graphscope.model.check import find_violations
from graphscope.model.trace import Status
from tests.capture.holding import TestGate, record, stopping_at

RUNS: dict[str, Callable[[], None]] = {}


def run(work: Callable[[], None]) -> Callable[[], None]:
    """Register a program."""
    RUNS[work.__name__] = work
    return work


class Cube(torch.autograd.Function):
    """x cubed."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return x cubed."""
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Return 3 x squared times the gradient."""
        (x,) = ctx.saved_tensors
        gradient: torch.Tensor = 3 * x * x * gradients[0]
        return gradient


@run
def nested_modules_with_adam() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Linear(2, 1))
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(4):
        loss = model(torch.ones(3, 2)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@run
def a_function_of_the_users() -> None:
    w = torch.ones(2, requires_grad=True)
    for _ in range(3):
        loss = Cube.apply(w).sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad  # type: ignore[operator]
        w.grad = None


@run
def checkpoints_of_both_kinds() -> None:
    block = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    x = torch.ones(1, 2, requires_grad=True)
    for reentrant in (False, True):
        checkpoint(block, x, use_reentrant=reentrant).sum().backward()


@run
def a_closure() -> None:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=2)

    def closure() -> float:
        optimizer.zero_grad()
        loss = ((w - 3) ** 2).sum()
        loss.backward()
        return loss.item()

    optimizer.step(closure)


@run
def a_gradient_of_a_gradient() -> None:
    x = torch.ones(2, requires_grad=True)
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    (g**2).sum().backward()


def left_behind() -> tuple[int, ...]:
    """Count what of torch's a mode or a hook of ours could be in."""
    return (
        torch._C._len_torch_function_stack(),
        int(torch.is_grad_enabled()),
        int(torch._C._is_torch_function_enabled()),
        len(module._global_forward_hooks),
        len(module._global_forward_pre_hooks),
        len(optimizers._global_optimizer_pre_hooks),
        len(optimizers._global_optimizer_post_hooks),
    )


@pytest.mark.parametrize("name", RUNS)
def test_the_training_ends_at_each_event(name: str) -> None:
    work, before = RUNS[name], left_behind()
    asked = TestGate(lambda _arrival: False)
    whole, _ = record(work, asked)
    events = sum(len(trace.graph.events) for trace in whole)
    assert len(asked.questions) > events // 2
    for number, line in enumerate(asked.questions):
        caught: list[str] = []

        def attempt(caught: list[str] = caught) -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - it must not come here
                caught.append(repr(error))

        gate = stopping_at(number)
        traces, raised = record(attempt, gate)
        assert left_behind() == before
        assert caught == []
        assert isinstance(raised, StopTraining), line
        assert gate.questions == asked.questions[: number + 1]
        last = traces[-1]
        assert (last.status, last.error) == (Status.OPEN, "stopped: a test")
        assert all(trace.status is Status.COMPLETE for trace in traces[:-1])
        assert list(find_violations(last.graph)) == []
        assert not any("raised" in op.note for op in last.graph.ops)
        step, index = gate.place
        # What ran inside of a node that is over came after the node had begun.
        is_around = line in {"after CubeBackward", "after CheckpointFunctionBackward"}
        assert step == last.step
        assert is_around or index == len(last.graph.events) - 1, line


def test_a_program_that_ends_with_it_ends_with_its_code() -> None:
    stop = StopTraining(3, "stopped: why")
    assert (stop.code, stop.note) == (3, "stopped: why")
    assert not isinstance(stop, Exception)


def test_code_that_swallows_it_is_recorded_on() -> None:
    def stubborn() -> None:
        x = torch.ones(2)
        for _ in range(3):
            with suppress(BaseException):
                x = x * 2
        x.sum()

    traces, raised = record(stubborn, stopping_at(1))
    assert raised is None
    assert [op.name for op in traces[0].graph.ops] == [
        "ones",
        "mul",
        "mul",
        "mul",
        "sum",
    ]
