"""The pieces of a batch are added up, and the sum is divided before the update."""

import torch
import torch.nn.functional as F

w = torch.randn(3, 1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.05)
for _ in range(2):
    batch, target = torch.randn(16, 3), torch.randn(16, 1)
    optimizer.zero_grad()
    for x, y in zip(batch.chunk(4), target.chunk(4)):
        F.mse_loss(x @ w, y).backward()
    w.grad /= 4
    optimizer.step()
