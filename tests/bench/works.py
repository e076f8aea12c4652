"""The works that are measured: a model, its data, how often, and the goal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from tests.bench.models import (
    VOCABULARY,
    Chain,
    RecurrentCell,
    Transformer,
    perceptron,
    residual,
)

Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A model with one batch, ready to be trained."""

    model: nn.Module
    inputs: tuple[Tensor, ...]
    loss_of: Callable[[Tensor], Tensor]

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return what updates the model; slowly, so that numbers stay tame."""
        return torch.optim.SGD(self.model.parameters(), lr=1e-4)

    def make_step(self) -> Step:
        """Return one whole training step: forward, backward, update."""
        model, inputs, loss_of = self.model, self.inputs, self.loss_of
        optimizer = self.make_optimizer()

        def step() -> None:
            loss = loss_of(model(*inputs))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return step


@dataclass(frozen=True, slots=True)
class Work:
    """What is measured, and what it may cost.

    Attributes:
        title: What the tables call it.
        make: Builds the model and its batch.
        steps: Steps per timed block.
        rounds: Rounds of bare, traced, bare.
        goal: Most that traced / bare may be, None where only `ops` is judged.
        ops: Ops of a chain, whose cost is judged per op; 0 for all others.
    """

    title: str
    make: Callable[[], Job]
    steps: int
    rounds: int
    goal: float | None = None
    ops: int = 0


GOAL_PER_OP_US: Final = 40.0


def _classified(model: nn.Module, shape: tuple[int, ...], batch: int) -> Job:
    labels = torch.randint(0, 10, (batch,))
    return Job(model, (torch.randn(shape),), partial(F.cross_entropy, target=labels))


def _mlp() -> Job:
    return _classified(perceptron(), (64, 256), 64)


def _convnet(*, deep: bool) -> Job:
    return _classified(residual(deep=deep), (4, 3, 64, 64), 4)


def _transformer() -> Job:
    tokens = torch.randint(0, VOCABULARY, (2, 65))
    following = tokens[:, 1:].flatten()
    criterion = partial(F.cross_entropy, target=following)
    return Job(Transformer(), (tokens[:, :-1].contiguous(),), criterion)


def _recurrent() -> Job:
    return _classified(RecurrentCell(), (200, 8, 32), 8)


def _chain(length: int) -> Job:
    return Job(Chain(length), (torch.ones(32),), torch.sum)


WORKS: Final[Mapping[str, Work]] = {
    "mlp": Work("MLP 4 x 256, batch 64", _mlp, 200, 9, goal=2.0),
    "resnet18": Work(
        "ResNet-18 shape, 4 x 64x64", partial(_convnet, deep=False), 10, 7, goal=1.15
    ),
    "resnet50": Work(
        "ResNet-50 shape, 4 x 64x64", partial(_convnet, deep=True), 5, 7, goal=1.10
    ),
    "gpt2": Work("GPT-2 small shape, 2 x 64", _transformer, 3, 5, goal=1.10),
    "lstm": Work("LSTM cell, 200 steps", _recurrent, 5, 7),
    "chain10k": Work("chain of 10,000 ops", partial(_chain, 10_000), 5, 7, ops=10_000),
    "chain100k": Work(
        "chain of 100,000 ops", partial(_chain, 100_000), 2, 3, ops=100_000
    ),
}


def make_job(name: str) -> Job:
    """Build a work by its name, always with the same random numbers."""
    torch.manual_seed(0)
    return WORKS[name].make()
