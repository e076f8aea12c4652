"""A learning rate of 1e-10 where 1e-1 was meant."""

import torch
import torch.nn.functional as F

torch.manual_seed(3)
x = torch.randn(40, 5)
y = (x.sum(dim=1) > 0).float()
w = torch.randn(5, requires_grad=True)
b = torch.ones(1, requires_grad=True)
opt = torch.optim.SGD([w, b], lr=1e-10)  # finds: tiny-update

for epoch in range(6):
    logits = x @ w + b
    loss = F.binary_cross_entropy_with_logits(logits, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
