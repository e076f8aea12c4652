"""Weights drawn from the standard normal distribution in wide layers."""

import torch

weights = [torch.randn(50, 50, requires_grad=True) for _ in range(5)]
last = torch.randn(50, 1, requires_grad=True)
x, y = torch.randn(20, 50), torch.randn(20, 1)

h = x
for w in weights:
    h = torch.relu(h @ w)  # finds: exploding-grad
loss = ((h @ last - y) ** 2).mean()
loss.backward()
print([w.grad.norm().item() for w in weights])
