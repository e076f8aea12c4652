"""A running total of numbers, made into a tensor for the backward."""

import torch
import torch.nn as nn

model = nn.Linear(3, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
total = 0.0
for x in torch.randn(5, 3):
    out = model(x)
    total += (out - 1).pow(2).item()  # finds: no-graph
loss = torch.tensor(total / 5)
opt.zero_grad()
loss.backward()
opt.step()
