"""A plain tensor is made anew after the optimizer was: it trains the old one."""

import torch

torch.manual_seed(1)
x, y = torch.randn(30, 3), torch.randn(30)

weights = torch.zeros(3, requires_grad=True)
optimizer = torch.optim.SGD([weights], lr=0.05)  # finds: replaced-parameter
weights = (torch.randn(3) * 0.1).requires_grad_()

for epoch in range(3):
    error = x @ weights - y
    loss = (error * error).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
