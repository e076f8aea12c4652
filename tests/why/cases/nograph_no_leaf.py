"""The textbook line without requires_grad=True."""

import torch

x = torch.linspace(-1, 1, 10)
y = 3 * x + 1
w = torch.zeros(1)  # finds: no-graph
b = torch.zeros(1)
optimizer = torch.optim.SGD([w, b], lr=0.1)
for epoch in range(3):
    loss = ((w * x + b - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
