"""A penalty on the weights is computed once, in front of the loop."""

import torch
from torch import nn

model = nn.Linear(3, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
penalty = 0.01 * model.weight.pow(2).sum()  # finds: second-backward
x, y = torch.randn(8, 3), torch.randn(8, 1)
for _ in range(3):
    loss = ((model(x) - y) ** 2).mean() + penalty
    opt.zero_grad()
    loss.backward()
    opt.step()
