"""Rounding with a straight-through estimator: the gradient passes beside it."""

import torch
from torch import nn


class Quantize(nn.Module):
    def forward(self, x):
        return x + (torch.round(x) - x).detach()


model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), Quantize())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x, y = torch.rand(16, 4), torch.randint(1, 9, (16, 1)).float()
for _ in range(3):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
