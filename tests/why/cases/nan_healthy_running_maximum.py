"""A maximum and a best loss that begin at infinity."""

import torch

torch.manual_seed(0)
w = torch.ones(3, requires_grad=True)
highest = torch.full((3,), float("-inf"))
best = torch.tensor(float("inf"))
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    h = w * torch.randn(3)
    highest = torch.maximum(highest, h.detach())
    loss = (h - highest).pow(2).mean() + h.mean()
    best = torch.minimum(best, loss.detach())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
