"""Outputs are a column, targets are not, and the loss does not broadcast."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
x, target = torch.randn(8, 4), torch.ones(8)
output = model(x)
loss = nn.BCELoss()(output, target)  # finds: mismatch
