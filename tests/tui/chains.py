"""Programs whose chain rules are shown, and what a pane says of them."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.model.trace import Trace
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.lines import Tone
from tests.tui.screens import (
    pane,
)

X_1, W_1, U, B, Z, A, Y, L = range(8)  # rows of the logistic outline


def back(loss: torch.Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]


def traced(program: Callable[[], Any]) -> Trace:
    """Run a program and return its step."""
    with gs.trace() as t:
        program()
    return t.last.trace


def lecture() -> None:
    x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)  # noqa: E741 - the lecture's name
    back(l)


def row_of(app: GraphscopeApp, name: str) -> int:
    """Return the row of a name."""
    return next(entry.node for entry in app.list_entries() if entry.name == name)


def pieces(app: GraphscopeApp, name: str, tone: Tone) -> list[str]:
    """Return what a pane writes in a tone, without spaces around it."""
    picture = pane(app, name).picture
    lines = [picture.line_at(y) for y in range(picture.height)]
    return [p.text.strip() for line in lines for p in line.pieces if p.tone is tone]


def two_paths() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    u = w * 3
    v = w**2
    s = u * v
    l = s + u  # noqa: E741 - the lecture's name
    back(l)


def accumulated() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    first = w * 3
    back(first)
    second = w * 5
    back(second)


def norm_of_gradient(layer: torch.nn.Module) -> float:
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    assert weight.grad is not None
    return float(weight.grad.norm())
