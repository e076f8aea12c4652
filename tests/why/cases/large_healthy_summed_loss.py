"""The sum over the samples with a learning rate that fits it."""

import torch
from torch import nn

x = torch.linspace(-1, 1, 50).unsqueeze(1)
y = 2 * x + 0.5
model = nn.Linear(1, 1)
criterion = nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=0.002)
for epoch in range(6):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
