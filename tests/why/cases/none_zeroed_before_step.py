"""zero_grad() in the wrong place: between backward() and step()."""

import torch
from torch import nn

model = nn.Linear(3, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(5, 3), torch.randn(5, 1)
for i in range(3):
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    opt.zero_grad()  # finds: none-grad
    opt.step()
