"""Gradient descent by hand with a learning rate that was divided as an integer."""

import torch

n = 20
X = torch.randn(n, 2)
Y = X @ torch.tensor([1.0, -2.0])

w = torch.zeros(2, requires_grad=True)
lr = 1 // n

for step in range(4):
    loss = (X @ w - Y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad  # finds: zero-lr
        w.grad.zero_()
