"""A network that only judges: gradients flow through it, nobody trains it."""

import torch
from torch import nn

judge = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8)).eval()
net = nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(8):
    x, y = torch.randn(6, 4), torch.randn(6, 4)
    loss = nn.functional.mse_loss(judge(net(x)), judge(y).detach())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
