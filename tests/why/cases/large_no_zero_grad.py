"""A training loop without zero_grad: every step adds to the gradients before."""

import torch
from torch import nn


class Regression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x):
        return self.linear(x)


model = Regression()
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
inputs, targets = torch.randn(10, 2), torch.randn(10, 1)
for epoch in range(4):
    outputs = model(inputs)
    loss = criterion(outputs, targets)
    loss.backward()  # finds: missing-zero-grad
    optimizer.step()
