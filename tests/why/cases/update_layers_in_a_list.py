"""Layers in a plain list: `parameters()` does not find them."""

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.hidden = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
        self.out = nn.Linear(sizes[-1], 1)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.tanh(layer(x))
        return self.out(x)


def train(model, x, y, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)  # finds: not-updated
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()


train(MLP([4, 8, 8]), torch.randn(16, 4), torch.randn(16, 1), steps=4)
