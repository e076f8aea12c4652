"""The five numbered steps are told in the order in which they ran."""

from collections.abc import Callable

import pytest
import torch

import graphscope as gs
from graphscope.analysis.phases import describe_run, find_runs


def phases_of(program: Callable[[], None]) -> list[str]:
    """Return the phases of the first step of a program."""
    with gs.trace() as t:
        program()
    graph = t.steps[0].trace.graph
    return [describe_run(graph, run) for run in find_runs(graph.events)]


def train(order: str) -> None:
    w = torch.tensor(2.0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    w.grad = torch.zeros(())
    if order == "first":
        optimizer.zero_grad()
    y_hat = w * 3
    loss = (y_hat - 1) ** 2
    if order == "middle":
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if order == "last":
        optimizer.zero_grad()


@pytest.mark.parametrize(
    ("order", "numbers"),
    [("first", "31245"), ("middle", "12345"), ("last", "12453")],
)
def test_the_order_tells_where_gradients_are_zeroed(order: str, numbers: str) -> None:
    found = phases_of(lambda: train(order))

    runs = [text.split()[0] for text in found]
    assert "".join(runs).lstrip("1") == numbers.lstrip("1")


def test_each_phase_says_how_much_it_did() -> None:
    assert phases_of(lambda: train("middle"))[-5:] == [
        "1 forward (3 ops)",  # w and the zeros are made, w * 3
        "2 loss (2 ops)",
        "3 zero (to None)",
        "4 backward (3 nodes)",
        "5 update (SGD)",
    ]


def test_an_update_by_hand_is_called_so() -> None:
    def program() -> None:
        w = torch.tensor(2.0, requires_grad=True)
        (w * 3).backward()
        with torch.no_grad():
            w -= 0.1 * w.grad  # type: ignore[operator]

    assert phases_of(program)[-1] == "5 update (by hand)"


def test_what_follows_the_update_is_not_called_an_update() -> None:
    def program() -> None:
        w = torch.tensor(2.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        (w * 3).backward()
        optimizer.step()
        optimizer.zero_grad()
        w.detach().abs()

    assert phases_of(program)[-3:] == [
        "5 update (SGD)",
        "3 zero (to None)",
        "after it (2 ops)",
    ]
