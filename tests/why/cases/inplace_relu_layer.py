"""nn.ReLU(inplace=True) behind a layer whose gradient needs what it returned."""

import torch
from torch import nn

net = nn.Sequential(
    nn.Linear(3, 8),
    nn.Softmax(dim=1),
    nn.ReLU(inplace=True),
    nn.Linear(8, 1),
)
x, y = torch.randn(4, 3), torch.randn(4, 1)
out = net(x)  # finds: inplace-modified
loss = nn.functional.mse_loss(out, y)
loss.backward()
