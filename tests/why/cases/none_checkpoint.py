"""A reentrant checkpoint on data: no input of it requires a gradient."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

stem = nn.Sequential(nn.Linear(4, 8), nn.Tanh())
head = nn.Linear(8, 2)
opt = torch.optim.SGD([*stem.parameters(), *head.parameters()], lr=0.1)
x, y = torch.randn(6, 4), torch.randint(0, 2, (6,))
for _ in range(2):
    h = checkpoint(stem, x, use_reentrant=True)  # finds: none-grad
    loss = nn.functional.cross_entropy(head(h), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
