"""Class labels that were read from a table are floats."""

import torch
from torch import nn

table = torch.tensor([[0.2, 1.5, 0.0], [0.9, -0.3, 1.0], [1.1, 0.4, 2.0]])
X, y = table[:, :2], table[:, 2]
model = nn.Linear(2, 3)
criterion = nn.CrossEntropyLoss()
loss = criterion(model(X), y)  # finds: mismatch
