"""Threads: two that each train, and backward that moves to threads of its own."""

import threading
from typing import Any

import torch

import graphscope as gs
from graphscope.session.runs import Tracing
from tests.zoo.asking import gaps, op_names, seen_as
from tests.zoo.watching import Look, Program, three_parts, watch


def _train(seed: int, out: dict[int, Any]) -> None:
    generator = torch.Generator().manual_seed(seed)
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        x = torch.rand(2, generator=generator)
        loss = (w * x).sum()
        loss.backward()
        optimizer.step()
    out[seed] = w.detach().clone()


def two_threads_that_each_train(look: Look) -> Any:
    del look
    out: dict[int, Any] = {}
    threads = [threading.Thread(target=_train, args=(i, out)) for i in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [out[1], out[2], torch.ones(1) * 2]


class _Again(torch.autograd.Function):
    """Runs a backward inside of its backward: reentrant."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, depth: int) -> torch.Tensor:
        """Build an inner graph of its own."""
        ctx.depth = depth
        with torch.enable_grad():
            ctx.x = x.detach().requires_grad_()
            inner = ctx.x * 2
            ctx.y = inner if depth == 0 else _Again.apply(inner, depth - 1)
        result: torch.Tensor = ctx.y.detach().clone()
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Run the inner graph's backward."""
        torch.autograd.backward(ctx.y, gradients[0])
        return ctx.x.grad, None


def reentrant_backward(look: Look) -> Any:
    x = torch.ones(2, requires_grad=True)
    y = _Again.apply(x, 3)
    loss = y.sum()
    loss.backward()
    del look
    return [x.grad, y]


def deeply_reentrant_backward(look: Look) -> Any:
    """Deeper than 60: the engine moves to other threads."""
    del look
    x = torch.ones(1, requires_grad=True)
    loss = _Again.apply(x, 80).sum()
    loss.backward()
    return x.grad


def backward_in_another_thread(look: Look) -> Any:
    x = torch.ones(2, requires_grad=True)
    loss = (x * 3).sum()
    look(loss, x=x)
    thread = threading.Thread(target=loss.backward)
    thread.start()
    thread.join()
    return x.grad


PROGRAMS: list[Program] = [
    two_threads_that_each_train,
    reentrant_backward,
    deeply_reentrant_backward,
    backward_in_another_thread,
]
test_it_is_harmless, *_, test_it_can_be_drawn = three_parts(PROGRAMS)


def test_threads_that_were_not_entered_are_named() -> None:
    trace = watch(two_threads_that_each_train).last
    assert len(gaps(trace)) == 2
    assert all("was not recorded" in reason for reason in gaps(trace))
    assert op_names(trace) == ["mul"]


def test_two_threads_can_each_be_traced_at_once() -> None:
    found: dict[int, Tracing] = {}
    barrier = threading.Barrier(2)
    out: dict[int, Any] = {}

    def run(seed: int) -> None:
        with gs.trace() as t:
            barrier.wait(10)
            _train(seed, out)
            barrier.wait(10)
        found[seed] = t

    threads = [threading.Thread(target=run, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        traces = [step.trace for step in found[seed].steps]
        assert found[seed].faults == {}
        assert [op_names(t)[:2] for t in traces] == [["mul", "sum"]] * 3
        assert [gaps(t) for t in traces] == [[]] * 3
        last = seen_as(traces[-1], "updated", "w")
        assert torch.allclose(torch.tensor(last[0]), out[seed], atol=1e-3)


def test_an_inner_backward_is_recorded_and_leaves_the_outer_one_whole() -> None:
    trace = watch(reentrant_backward).last
    # four doublings
    assert seen_as(trace, "arrived", "x") == [[16, 16]]
    names = [node.name for node in trace.graph.grad_nodes]
    assert names.count("_AgainBackward") == 4
    assert gaps(trace) == []


def test_backward_on_engine_threads_is_recorded_with_true_numbers() -> None:
    trace = watch(deeply_reentrant_backward).last
    assert seen_as(trace, "arrived", "x") == [[2.0**81]]


def test_a_backward_from_another_thread_has_its_gradients() -> None:
    trace = watch(backward_in_another_thread).last
    assert seen_as(trace, "arrived", "x") == [[3, 3]]
    assert [trace.graph.values[r].name for r in trace.graph.roots] == ["loss"]
