"""A binary classifier by hand that takes the sign of the score."""

import torch

x = torch.randn(20, 3)
y = torch.sign(x @ torch.tensor([1.0, -2.0, 0.5]))
w = torch.randn(3, requires_grad=True)
lr = 0.1
for _ in range(5):
    y_hat = torch.sign(x @ w)  # finds: zero-grad
    loss = ((y_hat - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
    w.grad = None
