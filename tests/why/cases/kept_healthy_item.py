"""Numbers are collected: .item() and .detach() leave the graph behind."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
X, Y = torch.randn(64, 10), torch.randn(64, 1)

losses, outputs, total = [], [], 0.0
for epoch in range(6):
    output = model(X)
    loss = criterion(output, Y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    outputs.append(output.detach().cpu())
    total += loss.item()
