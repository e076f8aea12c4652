"""What the programs are given beside the leaf."""

from collections.abc import Callable
from typing import Any

import torch

Case = Callable[[Any], Any]


def like(x: Any, *rows: Any) -> Any:
    """Return a constant of the leaf's dtype."""
    return torch.tensor(rows, dtype=x.dtype)


def module(built: Any, x: Any) -> Any:
    """Return a module of the leaf's dtype, with parameters that are not drawn."""
    built = built.to(x.dtype)
    with torch.no_grad():
        for number, weight in enumerate(built.parameters()):
            count = torch.arange(weight.numel(), dtype=x.dtype)
            weight.copy_((0.3 * torch.cos(count + number)).reshape(weight.shape))
    return built


def image(x: Any) -> Any:
    """Return the leaf as a batch of one image with two channels, `[1, 2, 4, 5]`."""
    base = torch.arange(40, dtype=x.dtype).reshape(1, 2, 4, 5)
    return torch.sin(base * 1.3) + base / 50 + x.sum() * torch.cos(base)


def gram(x: Any) -> Any:
    """Return a matrix that can be inverted without losing digits."""
    return x @ x.T + torch.eye(2, dtype=x.dtype)
