"""The logarithm of a prediction that is not kept positive."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
x, y = torch.randn(8, 2), torch.rand(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    prediction = model(x)
    loss = (prediction.log() - y.log()).pow(2).mean()  # finds: nan
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
