"""nn.Parameter() in forward makes a new leaf in every call."""

import torch
from torch import nn


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.raw = nn.Parameter(torch.randn(3, 3))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        weight = nn.Parameter(torch.tanh(self.raw))  # finds: none-grad
        return x @ weight + self.bias


model = Scaled()
optimizer = torch.optim.Adam(model.parameters())
x, target = torch.randn(8, 3), torch.randn(8, 3)
for _ in range(2):
    optimizer.zero_grad()
    loss = (model(x) - target).pow(2).mean()
    loss.backward()
    optimizer.step()
