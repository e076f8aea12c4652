"""Several tasks in a loop, each with a backward, before one update of their trunk."""

import torch
from torch import nn

shared = nn.Linear(6, 6)
heads = nn.ModuleList(nn.Linear(6, 1) for _ in range(3))
optimizer = torch.optim.SGD([*shared.parameters(), *heads.parameters()], lr=0.01)
for step in range(3):
    optimizer.zero_grad()
    for head in heads:
        x, y = torch.randn(8, 6), torch.randn(8, 1)
        loss = nn.functional.mse_loss(head(torch.tanh(shared(x))), y)
        loss.backward()
    optimizer.step()
    if step % 2 == 0:
        print("step", step)
