"""A slice that is one too far: the loop over the layers runs no round."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.rest = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    def forward(self, x):
        x = torch.relu(self.first(x))
        for layer in self.rest[2:]:  # finds: none-grad
            x = torch.relu(layer(x))
        return x


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(2):
    loss = (net(torch.randn(6, 4)) - 1).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
