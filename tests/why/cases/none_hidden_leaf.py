"""requires_grad=True on the inside: w itself is the result of a multiplication."""

import torch

w = torch.randn(4, requires_grad=True) * 0.01  # finds: none-grad
x = torch.randn(10, 4)
y = x.sum(dim=1)
loss = ((x @ w - y) ** 2).mean()
loss.backward()
print("gradient:", w.grad)
