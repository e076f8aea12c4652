"""The loss gets the label first and the prediction second."""

import torch
from torch import nn

net = nn.Linear(3, 1)
loss_fn = nn.MSELoss()
x, y = torch.randn(8, 3), torch.randn(8, 1)
prediction = net(x)
loss = loss_fn(y, prediction)  # finds: swapped-arguments
loss.backward()
