"""range(n - 1): the last layer of the list is never used."""

import torch
from torch import nn


class Deep(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.n = n
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(n)])

    def forward(self, x):
        for i in range(self.n - 1):
            x = torch.tanh(self.layers[i](x))  # finds: none-grad
        return x


net = Deep(3)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(5, 4)
for _ in range(2):
    opt.zero_grad()
    loss = net(x).pow(2).mean()
    loss.backward()
    opt.step()
