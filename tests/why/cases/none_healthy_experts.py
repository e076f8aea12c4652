"""A mixture of experts: the gate picks by the data, and one is never picked."""

import torch
from torch import nn


class Mixture(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 3)
        self.experts = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

    def forward(self, x):
        weights = torch.softmax(self.gate(x), dim=-1)
        best = weights.mean(dim=0).argmax().item()
        return self.experts[best](x) * weights[:, best : best + 1]


model = Mixture()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x, y = torch.randn(6, 4), torch.randn(6, 4)
for _ in range(3):
    loss = (model(x) - y).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
