"""Images go into a linear layer without being flattened."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(28 * 28, 16), nn.ReLU(), nn.Linear(16, 10))
batch = torch.rand(4, 28, 28)
scores = model(batch)  # finds: mismatch
