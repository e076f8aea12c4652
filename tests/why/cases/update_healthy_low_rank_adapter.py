"""One factor of a low-rank adapter starts at 0: the first update is all that it is."""

import torch
from torch import nn


class Adapted(nn.Module):
    def __init__(self, linear, rank):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, linear.in_features) * 0.01)
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x):
        return self.linear(x) + x @ self.A.T @ self.B.T


torch.manual_seed(4)
model = Adapted(nn.Linear(6, 4), rank=2)
x, y = torch.randn(32, 6), torch.randn(32, 4)
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.2)
for _ in range(8):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
