"""A parameter is updated in place without torch.no_grad()."""

import torch

x, y = torch.randn(10, 2), torch.randn(10)
w = torch.zeros(2, requires_grad=True)
for _ in range(5):
    loss = ((x @ w - y) ** 2).mean()
    loss.backward()
    w -= 0.01 * w.grad  # finds: inplace-modified
    w.grad.zero_()
