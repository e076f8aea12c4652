"""All of the model is frozen, the new head too: the loop comes after it."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
model.append(nn.Linear(4, 2))
for param in model.parameters():
    param.requires_grad = False  # finds: no-graph
criterion = nn.CrossEntropyLoss()
x, y = torch.randn(6, 5), torch.randint(0, 2, (6,))
loss = criterion(model(x), y)
loss.backward()
