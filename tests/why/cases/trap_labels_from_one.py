"""Labels count from 1, and the model has outputs for 0, 1 and 2."""

import torch
from torch import nn

model = nn.Linear(4, 3)
criterion = nn.CrossEntropyLoss()
features = torch.randn(6, 4)
labels = torch.tensor([1, 2, 3, 1, 2, 3])
loss = criterion(model(features), labels)  # finds: labels-out-of-range
loss.backward()
