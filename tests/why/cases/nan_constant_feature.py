"""Standardised features, one of which is the same in every sample."""

import torch
from torch import nn

torch.manual_seed(0)
data = torch.tensor([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0], [4.0, 7.0]])
x = (data - data.mean(dim=0)) / data.std(dim=0)  # finds: nan
y = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
