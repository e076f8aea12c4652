"""A small training whose every number can be computed a second time, without us."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional

Told = Callable[["Step"], None]


@dataclass(frozen=True)
class Step:
    """What a step must have computed, as bits."""

    loss: bytes
    weights: tuple[bytes, ...]


class Net(torch.nn.Module):
    """8 inputs, 16 hidden, 1 output: every tensor is small enough to be kept whole."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(8, 16)
        self.second = torch.nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.first(x))
        y: torch.Tensor = self.second(h)
        return y


def train(steps: int, told: Told, *, seed: int = 0) -> None:
    """Train for `steps` steps; `told` is called after each update."""
    torch.manual_seed(seed)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(steps):
        x = torch.randn(4, 8)
        loss = functional.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch._C.DisableTorchFunction():
            told(_read(loss, model))


def _read(loss: torch.Tensor, model: torch.nn.Module) -> Step:
    weights = tuple(_bits(p) for p in model.parameters())
    return Step(_bits(loss), weights)


def _bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().numpy().tobytes()


NAMES = ("first.weight", "first.bias", "second.weight", "second.bias")


def expected_steps(steps: int, *, seed: int = 0) -> list[Step]:
    """Compute the numbers in a forked process, without graphscope.

    Forked, because autograd refuses to run in children of a process in which it ran.
    """
    return list(_parse(_run_forked(steps, seed)))


def _run_forked(steps: int, seed: int) -> bytes:
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        with os.fdopen(into, "wb") as pipe:
            train(steps, lambda s: _write(pipe.write, s), seed=seed)
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        data = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return data


_SIZES = (4, 8 * 16 * 4, 16 * 4, 16 * 4, 4)


def _write(write: Callable[[bytes], object], step: Step) -> None:
    write(step.loss + b"".join(step.weights))


def _parse(data: bytes) -> Iterator[Step]:
    size = sum(_SIZES)
    for start in range(0, len(data), size):
        parts, at = [], start
        for length in _SIZES:
            parts.append(data[at : at + length])
            at += length
        yield Step(parts[0], tuple(parts[1:]))
