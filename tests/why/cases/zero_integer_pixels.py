"""Pixels are divided with // before the model, so all of them become 0."""

import torch
from torch import nn

images = torch.randint(0, 255, (12, 1, 4, 4), dtype=torch.uint8)
labels = torch.randint(0, 3, (12,))
model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(4):
    x = (images // 255).float()
    loss = nn.functional.cross_entropy(model(x), labels)  # finds: zero-grad
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
