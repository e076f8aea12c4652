"""Ten layers of sigmoids: the first ones learn nothing."""

import torch
from torch import nn


class Deep(nn.Module):
    def __init__(self, depth=10, width=12):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.sigmoid(layer(x))  # finds: vanishing-grad
        return self.out(x)


model = Deep()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(16, 12), torch.randn(16, 1)
for epoch in range(5):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
