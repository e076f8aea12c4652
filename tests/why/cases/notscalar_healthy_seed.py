"""The lecture's second way: a vector v says how much each output counts."""

import torch

x = torch.tensor([-0.8022, 1.0610, 1.1878], requires_grad=True)
y = x + 2
c = y * y * 2
v = torch.tensor([0.1, 1.0, 0.001])
c.backward(v)
