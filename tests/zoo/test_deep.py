"""Chains that are deep: no recursion, no crash when they are freed.

Those that would take the process down with them run in one of their own.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from tests.zoo.asking import gaps, op_names, seen_as
from tests.zoo.watching import Look, Program, three_parts, watch


def chain(look: Look) -> Any:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(3000):
        y = y + 1
    loss = y.sum()
    look(loss, x=x)
    loss.backward()
    return x.grad


def ladder(look: Look) -> Any:
    """Every rung is used twice: 2 to the 20 paths, 40 nodes."""
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(20):
        y = y + y
    loss = y.sum()
    look(loss, x=x)
    loss.backward()
    return x.grad


def wide(look: Look) -> Any:
    parts = [torch.ones(1, requires_grad=True) for _ in range(300)]
    loss = torch.stack(parts).sum()
    look(loss)
    loss.backward()
    return [p.grad for p in parts]


def recurrent_cell(look: Look) -> Any:
    cell = torch.nn.LSTMCell(2, 3)
    h = c = torch.zeros(1, 3)
    for step in range(50):
        h, c = cell(torch.full((1, 2), float(step)), (h, c))
    loss = h.sum() + c.sum()
    look(loss)
    loss.backward()
    return [p.grad for p in cell.parameters()]


def at_the_recursion_limit(look: Look) -> Any:
    del look

    def descend(depth: int) -> torch.Tensor:
        return torch.ones(1) * depth if depth == 0 else descend(depth - 1) + 1

    return descend(sys.getrecursionlimit() - 400)


PROGRAMS: list[Program] = [chain, ladder, wide, recurrent_cell]
(
    test_it_is_harmless,
    test_it_is_complete,
    test_it_is_true,
    test_it_can_be_drawn,
) = three_parts(PROGRAMS)
test_deep_recursion_is_harmless, *_ = three_parts([at_the_recursion_limit])


def test_a_chain_deeper_than_the_stack_is_freed() -> None:
    # bare, torch 2.13 dies at 2,400 touched nodes with 512 KB of stack
    command = [sys.executable, "-m", "tests.zoo.deep", "--ops", "4000"]
    done = subprocess.run(
        [*command, "--stack", str(512 * 1024)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.endswith("freed\n")


def test_a_deep_chain_has_every_op_and_one_gradient() -> None:
    trace = watch(chain).last
    assert len(op_names(trace)) == 3001
    assert seen_as(trace, "arrived", "x") == [[1]]
    assert gaps(trace) == []


def test_a_ladder_has_a_contribution_on_each_of_its_sides() -> None:
    trace = watch(ladder).last
    # half of 2^20 along each edge
    assert seen_as(trace, "edge", "x") == [[2.0**19], [2.0**19]]
    assert seen_as(trace, "arrived", "x") == [[2.0**20]]
