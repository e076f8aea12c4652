"""Twenty blocks with residual connections: the gradient comes through."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return x + torch.sigmoid(self.fc(self.norm(x)))


model = nn.Sequential(nn.Linear(6, 8), *[Block(8) for _ in range(20)], nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for _ in range(3):
    loss = nn.functional.mse_loss(model(torch.randn(8, 6)), torch.randn(8, 1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
