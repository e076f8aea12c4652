"""Adversarial training: the input gets a gradient too, and no optimizer has it."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
labels = torch.arange(8) % 2
for _ in range(3):
    x = torch.randn(8, 4, requires_grad=True)
    loss = nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    attacked = (x + 0.1 * x.grad.sign()).detach()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(attacked), labels)
    loss.backward()
    optimizer.step()
