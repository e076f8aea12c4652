"""LoRA: B starts at 0, so in the first step A has no gradient, and then it has."""

import torch
from torch import nn


class LoRALinear(nn.Module):
    def __init__(self, features, rank=2):
        super().__init__()
        self.base = nn.Linear(features, features)
        self.base.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, features) * 0.1)
        self.B = nn.Parameter(torch.zeros(features, rank))

    def forward(self, x):
        return self.base(x) + x @ self.A.T @ self.B.T


layer = LoRALinear(6)
optimizer = torch.optim.AdamW([layer.A, layer.B], lr=0.01)
x, y = torch.randn(8, 6), torch.randn(8, 6)
for _ in range(3):
    loss = nn.functional.mse_loss(layer(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
