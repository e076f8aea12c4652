"""A loss for each sample, to weight them, and the weighting was forgotten."""

import torch
from torch import nn

model = nn.Linear(3, 2)
criterion = nn.CrossEntropyLoss(reduction="none")
x, labels = torch.randn(6, 3), torch.tensor([0, 1, 1, 0, 1, 0])
loss = criterion(model(x), labels)
loss.backward()  # finds: not-scalar
