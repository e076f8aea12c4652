"""A piecewise function whose second branch is never chosen."""

import torch

low = torch.tensor(1.0, requires_grad=True)
high = torch.tensor(2.0, requires_grad=True)
optimizer = torch.optim.SGD([low, high], lr=0.05)
for epoch in range(5):
    x = torch.rand(10)
    y = 3 * x
    prediction = torch.where(x < 100, low * x, high * x)  # finds: zero-grad
    loss = ((prediction - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
