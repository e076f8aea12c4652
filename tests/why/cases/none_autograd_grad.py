"""autograd.grad returns the gradients; the optimizer waits for .grad."""

import torch
from torch import nn

net = nn.Linear(4, 2)
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
data, target = torch.randn(7, 4), torch.randn(7, 2)
for step in range(3):
    optimizer.zero_grad()
    loss = (net(data) - target).pow(2).sum()
    grads = torch.autograd.grad(loss, net.parameters())  # finds: none-grad
    optimizer.step()
