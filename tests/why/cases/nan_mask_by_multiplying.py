"""A mask that is multiplied by −inf: 0 · ∞ where nothing is to be masked."""

import torch

torch.manual_seed(0)
scores = torch.randn(2, 4, requires_grad=True)
mask = torch.tensor([1.0, 1.0, 1.0, 0.0])
masked = scores + (1.0 - mask) * float("-inf")  # finds: nan
p = torch.softmax(masked, dim=1)
loss = -torch.log(p[:, 0]).mean()
loss.backward()
