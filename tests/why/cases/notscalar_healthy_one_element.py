"""A tensor with one element may have axes."""

import torch

x = torch.randn(3)
w = torch.randn(3, 1, requires_grad=True)
loss = (x @ w).pow(2)
loss.backward()
