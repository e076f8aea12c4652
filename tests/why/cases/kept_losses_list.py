"""The losses are collected for a plot, each with the graph that computed it."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
X, Y = torch.randn(64, 10), torch.randn(64, 1)

losses = []
for epoch in range(6):
    outputs = model(X)
    loss = criterion(outputs, Y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss)  # finds: kept-graph
    print(f"epoch {epoch}: {loss.item():.4f}")
