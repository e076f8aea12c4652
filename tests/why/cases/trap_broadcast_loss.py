"""The prediction is (N, 1) and the target (N,): the loss compares all with all."""

import torch
from torch import nn

net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
x = torch.randn(8, 3)
y = x @ torch.tensor([1.0, -2.0, 0.5])

for _ in range(2):
    error = net(x) - y  # finds: broadcast-loss
    loss = (error**2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
