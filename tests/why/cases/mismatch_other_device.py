"""The model was moved, and the data was not."""

import torch
from torch import nn

device = torch.device("meta")
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)).to(device)
x = torch.randn(5, 3)
prediction = model(x)  # finds: mismatch
