"""The loss of all steps so far is what goes backward in each step."""

import torch

x = torch.randn(5, 3)
w = torch.randn(3, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
total_loss = 0.0
for row in x:
    loss = (row @ w).pow(2)
    total_loss = total_loss + loss  # finds: second-backward
    optimizer.zero_grad()
    total_loss.backward()
    optimizer.step()
