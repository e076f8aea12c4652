"""Gradient accumulation as it should be: each loss is divided."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
accumulation_steps = 4
batches = [(torch.randn(6, 5), torch.randint(0, 3, (6,))) for _ in range(8)]

optimizer.zero_grad()
for i, (inputs, labels) in enumerate(batches):
    loss = criterion(model(inputs), labels)
    loss = loss / accumulation_steps
    loss.backward()
    if (i + 1) % accumulation_steps == 0:
        optimizer.step()
        optimizer.zero_grad()
