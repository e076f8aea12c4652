"""In place behind a layer whose gradient needs its input and not its result."""

import torch
from torch import nn

net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
x = torch.randn(5, 3)
out = net(x)
out += 1
loss = out.pow(2).mean()
loss.backward()
