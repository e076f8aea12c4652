"""Shapes that differ and broadcast, dtypes that differ and are promoted."""

import torch

x = torch.randn(6, 4)
means = x.mean(dim=1, keepdim=True)
weights = torch.arange(1, 5)
w = torch.randn(4, 1, requires_grad=True)
scores = ((x - means) * weights) @ w
loss = scores.mean()
loss.backward()
