"""A hidden layer whose bias has been thrown far below 0."""

import torch
from torch import nn

model = nn.Sequential(
    nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1)
)
with torch.no_grad():
    model[2].bias.fill_(-50.0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x, y = torch.randn(10, 3), torch.randn(10, 1)
for _ in range(3):
    optimizer.zero_grad()
    prediction = model(x)  # finds: dead-relu
    nn.functional.mse_loss(prediction, y).backward()
    optimizer.step()
