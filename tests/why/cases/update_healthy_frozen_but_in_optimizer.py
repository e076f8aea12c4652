"""Frozen on purpose before the training; the optimizer passes over what is frozen."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
model[0].requires_grad_(False)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(4):
    optimizer.zero_grad()
    scores = model(torch.randn(10, 4))
    nn.functional.cross_entropy(scores, torch.arange(10) % 2).backward()
    optimizer.step()
