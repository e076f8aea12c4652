"""Data in float64, as NumPy gives it, and a model in float32."""

import torch
from torch import nn

X = torch.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=torch.float64)
y = torch.tensor([[1.0], [0.0]])
net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
out = net(X)  # finds: mismatch
loss = nn.functional.mse_loss(out, y)
