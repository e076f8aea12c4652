"""A gradient penalty without create_graph=True."""

import torch
from torch import nn

critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
x = torch.randn(5, 3, requires_grad=True)
score = critic(x).sum()
grads = torch.autograd.grad(score, x)[0]  # finds: no-graph
penalty = ((grads.norm(dim=1) - 1) ** 2).mean()
penalty.backward()
