"""A size that does not fit is tried out, and handled."""

import torch
from torch import nn

x = torch.randn(4, 7)
layer = nn.Linear(5, 2)
try:
    out = layer(x)
except RuntimeError:
    layer = nn.Linear(7, 2)
    out = layer(x)
loss = out.pow(2).mean()
loss.backward()
