"""The squared errors, not their mean, in a loop by hand."""

import torch
from torch import nn

net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
inputs, targets = torch.randn(8, 2), torch.randn(8, 1)


def train_step():
    prediction = net(inputs)
    opt.zero_grad()
    (prediction - targets).pow(2).backward()  # finds: not-scalar
    opt.step()


train_step()
