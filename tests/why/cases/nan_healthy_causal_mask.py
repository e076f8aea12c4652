"""Causal attention: −inf above the diagonal, and every row keeps a score."""

import math

import torch
from torch import nn

torch.manual_seed(0)
projection = nn.Linear(4, 12)
optimizer = torch.optim.Adam(projection.parameters(), lr=0.01)
mask = torch.triu(torch.full((3, 3), float("-inf")), diagonal=1)
for _ in range(3):
    q, k, v = projection(torch.randn(2, 3, 4)).chunk(3, dim=-1)
    scores = q @ k.transpose(1, 2) / math.sqrt(4) + mask
    out = torch.softmax(scores, dim=-1) @ v
    loss = out.pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
