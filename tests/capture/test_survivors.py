"""Graphs of earlier steps: known to be alive, and not kept so by knowing it."""

import gc
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
import torch

from graphscope.model.kept import Hold, KeptGraph
from graphscope.model.trace import Trace
from tests.capture.capturing import capture


class Witness(torch.autograd.Function):
    """Passes numbers on; dies with its node, which `alive` counts."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.sign = Sign()
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        del ctx
        return grads[0]


class Sign:
    alive = 0

    def __init__(self) -> None:
        Sign.alive += 1

    def __del__(self) -> None:
        Sign.alive -= 1


def steps(
    store: Callable[[int, Any], object],
    *,
    count: int = 6,
    seen: list[int] | None = None,
) -> None:
    """Train, and give each loss to `store`; write down how many graphs are alive."""
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for step in range(count):
        loss = Witness.apply(w * torch.arange(3.0)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        store(step, loss)
        if seen is not None:
            seen.append(Sign.alive)
        del loss
        if seen is not None:
            seen.append(Sign.alive)


def kept_in(traces: list[Trace], name: str = "loss") -> list[KeptGraph | None]:
    """Return what each step says of the graphs of one name."""
    return [next((k for k in t.kept if k.name == name), None) for t in traces]


def test_a_list_of_losses_shows_one_more_graph_after_each_step() -> None:
    losses: list[Any] = []
    traces = capture(lambda: steps(lambda _, loss: losses.append(loss)))
    kept = [k and (k.count, k.steps, k.newest) for k in kept_in(traces)]
    assert kept == [
        None,
        (1, (0,), 0),
        (2, (0, 1), 1),
        (3, (0, 1, 2), 2),
        (4, (0, 1, 2, 3), 3),
        (5, (0, 1, 2, 3, 4), 4),
    ]


def test_the_value_is_named_by_its_id_in_the_graph_of_its_own_step() -> None:
    losses: list[Any] = []
    traces = capture(lambda: steps(lambda _, loss: losses.append(loss)))
    kept = kept_in(traces)[-1]
    assert kept is not None
    pairs = zip(kept.steps, kept.values, strict=True)
    assert {traces[step].graph.values[value].name for step, value in pairs} == {"loss"}


def test_numbers_and_detached_tensors_keep_nothing() -> None:
    numbers: list[Any] = []
    traces = capture(lambda: steps(lambda _, loss: numbers.append(loss.item())))
    traces += capture(lambda: steps(lambda _, loss: numbers.append(loss.detach())))
    assert [trace.kept for trace in traces] == [()] * 12


def test_a_graph_that_is_let_go_later_is_not_counted_any_more() -> None:
    recent: deque[Any] = deque(maxlen=2)
    traces = capture(lambda: steps(lambda _, loss: recent.append(loss)))
    counts = [k.count if k else 0 for k in kept_in(traces)]
    assert counts == [0, 1, 1, 1, 1, 1]


def test_only_the_oldest_steps_are_listed() -> None:
    losses: list[Any] = []
    traces = capture(lambda: steps(lambda _, loss: losses.append(loss), count=14))
    last = kept_in(traces)[-1]
    assert last is not None
    assert (last.count, last.steps, last.newest) == (13, tuple(range(8)), 12)


def test_graphs_that_only_a_later_graph_leads_to_are_told_apart() -> None:
    total: list[Any] = [torch.zeros(())]

    def add(_: int, loss: Any) -> None:
        total[0] = total[0] + loss

    traces = capture(lambda: steps(add))
    last = kept_in(traces)[-1]
    assert last is not None
    assert (last.hold, last.holders) == (Hold.GRAPH, ())


@pytest.mark.parametrize("kind", ["list", "total", "nothing", "deque"])
def test_every_graph_dies_when_it_dies_without_us(kind: str) -> None:
    def run() -> list[int]:
        Sign.alive = 0
        seen: list[int] = []
        losses: list[Any] = []
        recent: deque[Any] = deque(maxlen=3)
        total: list[Any] = [0.0]
        store: Callable[[int, Any], object] = {
            "list": lambda _, loss: losses.append(loss),
            "total": lambda _, loss: total.__setitem__(0, total[0] + loss),
            "nothing": lambda *_: None,
            "deque": lambda _, loss: recent.append(loss),
        }[kind]
        steps(store, count=8, seen=seen)
        losses.clear()
        recent.clear()
        total.clear()
        seen.append(Sign.alive)
        return seen

    bare = run()
    watched: list[list[int]] = []
    capture(lambda: watched.append(run()))
    assert watched == [bare]
    assert bare[-1] == 0


def test_nothing_that_the_search_has_met_stays_alive() -> None:
    class Thing:
        pass

    fates: list[bool] = []

    def run() -> None:
        w = torch.ones(3, requires_grad=True)
        losses: list[Any] = []
        thing = Thing()
        died = weakref.ref(thing)
        for _ in range(6):
            loss = w.sum()
            loss.backward()
            with torch.no_grad():
                w.sub_(0.1)
            losses.append(loss)
        del thing
        fates.append(died() is None)

    gc.disable()
    try:
        traces = capture(run)
    finally:
        gc.enable()
    found = kept_in(traces)[4]
    assert found is not None
    assert [(one.name, one.function) for one in found.holders] == [
        ("losses", f"{run.__qualname__}")
    ]
    assert fates == [True]


def test_the_garbage_collector_is_left_alone() -> None:
    def collections() -> list[int]:
        return [generation["collections"] for generation in gc.get_stats()]

    losses: list[Any] = []
    thresholds = gc.get_threshold()
    gc.disable()
    try:
        before = collections()
        capture(lambda: steps(lambda _, loss: losses.append(loss), count=40))
        after, is_enabled = collections(), gc.isenabled()
    finally:
        gc.enable()
    assert (after, is_enabled) == (before, False)
    assert gc.get_threshold() == thresholds


def test_a_long_chain_of_steps_can_be_freed() -> None:
    def run() -> None:
        w = torch.ones(1, requires_grad=True)
        total = torch.zeros(1)
        for _ in range(600):
            loss = w * 2
            with torch.no_grad():
                w.sub_(0.0)
            total = total + loss

    assert len(capture(run)) > 0
