"""The logarithm behind a mask, with a safe argument where the mask is False."""

import torch

x = torch.tensor([0.0, 0.5, 2.0], requires_grad=True)
is_positive = x > 0
safe = torch.where(is_positive, x, torch.ones(3))
y = torch.where(is_positive, torch.log(safe), torch.zeros(3))
loss = y.sum()
loss.backward()
