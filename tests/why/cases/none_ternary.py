"""A conditional expression that always picks the same layer."""

import torch
from torch import nn


class Gated(nn.Module):
    def __init__(self, *, shared=True):
        super().__init__()
        self.shared = shared
        self.query = nn.Linear(4, 4)
        self.key = nn.Linear(4, 4)

    def forward(self, x):
        q = self.query(x)
        k = self.query(x) if self.shared else self.key(x)  # finds: none-grad
        return q @ k.T


net = Gated()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
x = torch.randn(5, 4)
for _ in range(2):
    loss = net(x).softmax(dim=-1).diagonal().log().neg().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
