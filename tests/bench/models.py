"""The models that are measured, in plain `nn.Module` code."""

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

VOCABULARY: Final = 50_257
_WIDTH: Final = 768
_HEADS: Final = 12
_LAYERS: Final = 12
_CONTEXT: Final = 1024


def perceptron() -> nn.Module:
    """Return four linear layers, 256 wide, with ReLU between them."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Linear(256, 256), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(256, 10))


class _Residual(nn.Module):
    """Convolutions with batch norms, and what came in added to what comes out."""

    def __init__(self, shapes: Sequence[tuple[int, int, int, int]]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for entering, leaving, size, stride in shapes:
            padding = size // 2
            layers += [
                nn.Conv2d(entering, leaving, size, stride, padding, bias=False),
                nn.BatchNorm2d(leaving),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers[:-1])
        entering, leaving = shapes[0][0], shapes[-1][1]
        stride = max(shape[3] for shape in shapes)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or entering != leaving:
            self.shortcut = nn.Sequential(
                nn.Conv2d(entering, leaving, 1, stride, bias=False),
                nn.BatchNorm2d(leaving),
            )

    def forward(self, image: Tensor) -> Tensor:
        return F.relu(self.layers(image) + self.shortcut(image))


def _basic(entering: int, width: int, stride: int) -> _Residual:
    return _Residual([(entering, width, 3, stride), (width, width, 3, 1)])


def _bottleneck(entering: int, width: int, stride: int) -> _Residual:
    leaving = 4 * width
    return _Residual(
        [(entering, width, 1, 1), (width, width, 3, stride), (width, leaving, 1, 1)]
    )


def residual(*, deep: bool) -> nn.Module:
    """Return a network of ResNet-18's shape, or with `deep` of ResNet-50's."""
    counts = (3, 4, 6, 3) if deep else (2, 2, 2, 2)
    make, factor = (_bottleneck, 4) if deep else (_basic, 1)
    entering = 64
    blocks: list[nn.Module] = []
    for stage, count in enumerate(counts):
        width = 64 << stage
        for place in range(count):
            stride = 2 if stage > 0 and place == 0 else 1
            blocks.append(make(entering, width, stride))
            entering = width * factor
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(entering, 1000),
    )


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.all = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (
            part.view(batch, length, _HEADS, -1).transpose(1, 2)
            for part in self.all(x).split(_WIDTH, dim=2)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        joined = mixed.transpose(1, 2).reshape(batch, length, _WIDTH)
        out: Tensor = self.out(joined)
        return out


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(_WIDTH)
        self.attention = _Attention()
        self.before_mlp = nn.LayerNorm(_WIDTH)
        self.mlp = nn.Sequential(
            nn.Linear(_WIDTH, 4 * _WIDTH),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * _WIDTH, _WIDTH),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.before_attention(x))
        out: Tensor = x + self.mlp(self.before_mlp(x))
        return out


class Transformer(nn.Module):
    """GPT-2 small's shape: 12 layers of 768 with 12 heads, the head tied."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, _WIDTH)
        self.places = nn.Embedding(_CONTEXT, _WIDTH)
        self.blocks = nn.ModuleList(_Block() for _ in range(_LAYERS))
        self.norm = nn.LayerNorm(_WIDTH)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return one logit per token of the vocabulary and place."""
        places = torch.arange(tokens.shape[1])
        x = self.tokens(tokens) + self.places(places)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight).flatten(0, 1)


class RecurrentCell(nn.Module):
    """An LSTM cell, written out and unrolled."""

    def __init__(self, entering: int = 32, width: int = 96) -> None:
        super().__init__()
        self.width = width
        self.from_input = nn.Linear(entering, 4 * width)
        self.from_state = nn.Linear(width, 4 * width, bias=False)
        self.head = nn.Linear(width, 10)

    def forward(self, sequence: Tensor) -> Tensor:
        """Return the logits after the last element of (time, batch, features)."""
        h = c = sequence.new_zeros(sequence.shape[1], self.width)
        for x in sequence:
            gates = self.from_input(x) + self.from_state(h)
            keep, write, read, new = gates.chunk(4, dim=1)
            c = torch.sigmoid(keep) * c + torch.sigmoid(write) * torch.tanh(new)
            h = torch.sigmoid(read) * torch.tanh(c)
        out: Tensor = self.head(h)
        return out


class Chain(nn.Module):
    """`length` elementwise ops, one after the other, on 32 elements.

    They undo each other: numbers and gradients stay near 1, far from denormals.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, 32))
        self.length = length

    def forward(self, x: Tensor) -> Tensor:
        """Return the end of the chain, which begins at weighted elements."""
        x = x * self.weight
        for _ in range(self.length // 4):
            x = x * 1.01
            x = x + 0.5
            x = x - 0.5
            x = x / 1.01
        return x
