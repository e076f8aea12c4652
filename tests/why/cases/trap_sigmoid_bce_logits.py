"""sigmoid before BCEWithLogitsLoss, which applies it once more."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
inputs, targets = torch.randn(16, 4), torch.randint(0, 2, (16, 1)).float()

for _ in range(2):
    optimizer.zero_grad()
    loss = criterion(model(inputs), targets)  # finds: sigmoid-twice
    loss.backward()
    optimizer.step()
