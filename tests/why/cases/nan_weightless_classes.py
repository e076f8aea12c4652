"""A batch of only such classes as have the weight 0."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(4, 3)
class_weight = torch.tensor([0.0, 1.0, 1.0])
criterion = nn.CrossEntropyLoss(weight=class_weight)
labels = torch.tensor([0, 0])
loss = criterion(model(torch.randn(2, 4)), labels)  # finds: nan
loss.backward()
