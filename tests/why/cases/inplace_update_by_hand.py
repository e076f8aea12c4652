"""Gradient descent by hand, and a second backward through the old forward pass."""

import torch

x, y = torch.randn(10), torch.randn(10)
w = torch.tensor(0.5, requires_grad=True)
y_hat = w * x * w
loss = ((y_hat - y) ** 2).mean()
loss.backward(retain_graph=True)
with torch.no_grad():
    w -= 0.1 * w.grad  # finds: inplace-modified
w.grad.zero_()
loss.backward()
