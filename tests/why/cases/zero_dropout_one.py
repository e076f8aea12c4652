"""Dropout with the probability to keep, as other libraries want it."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, keep_prob=1.0):
        super().__init__()
        self.hidden = nn.Linear(3, 6)
        self.dropout = nn.Dropout(keep_prob)
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        x = torch.tanh(self.hidden(x))
        x = self.dropout(x)  # finds: zero-grad
        return self.out(x)


net = Net()
loss = nn.functional.cross_entropy(net(torch.randn(10, 3)), torch.randint(0, 2, (10,)))
loss.backward()
print(net.hidden.weight.grad)
