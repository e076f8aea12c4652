"""Losses are collected with torch.tensor, which copies the numbers."""

import torch
from torch import nn

model = nn.Linear(3, 1)
scale = torch.ones(1, requires_grad=True)
optimizer = torch.optim.SGD([*model.parameters(), scale], lr=0.1)
xs, ys = torch.randn(4, 3), torch.randn(4, 1)
for _ in range(2):
    optimizer.zero_grad()
    losses = [((model(x) - y) ** 2).sum() for x, y in zip(xs, ys)]
    loss = torch.tensor(losses).mean() * scale  # finds: none-grad
    loss.backward()
    optimizer.step()
