"""A shift of an activation in place: the sigmoid's gradient needs its result."""

import torch

x = torch.randn(6, 3)
w = torch.randn(3, 2, requires_grad=True)
h = torch.sigmoid(x @ w)
h += 1  # finds: inplace-modified
loss = (h**2).mean()
loss.backward()
