"""A switch that nobody turns on: the residual branch is never taken."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width, *, use_skip=False):
        super().__init__()
        self.use_skip = use_skip
        self.main = nn.Linear(width, width)
        self.skip = nn.Linear(width, width)

    def forward(self, x):
        y = torch.tanh(self.main(x))
        if self.use_skip:  # finds: none-grad
            y = y + self.skip(x)
        return y


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(4)
        self.head = nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.block(x))


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(8, 4), torch.randn(8, 1)
for _ in range(3):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
