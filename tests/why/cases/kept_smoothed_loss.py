"""An exponential average of the loss, of tensors."""

import torch

w = torch.zeros(3, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
x = torch.randn(30, 3)
y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.3
opt = torch.optim.SGD([w, b], lr=0.1)

avg_loss = None
for it in range(7):
    loss = ((x @ w + b - y) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if avg_loss is None:
        avg_loss = loss
    else:
        avg_loss = 0.9 * avg_loss + 0.1 * loss  # finds: kept-graph
