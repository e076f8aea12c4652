"""Adam with the learning rate of an SGD recipe: each update wipes the weights out."""

import torch
from torch import nn

x = torch.randn(32, 10)
y = torch.sin(x).sum(dim=1, keepdim=True)
net = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=10)  # finds: huge-update
for it in range(8):
    loss = nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
