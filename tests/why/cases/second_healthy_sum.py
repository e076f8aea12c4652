"""Two heads on one encoder; their losses go back as one sum."""

import torch
from torch import nn

encoder = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
head_a, head_b = nn.Linear(3, 1), nn.Linear(3, 2)
x = torch.randn(6, 4)
features = encoder(x)
loss_a = head_a(features).pow(2).mean()
loss_b = head_b(features).abs().mean()
(loss_a + loss_b).backward()
