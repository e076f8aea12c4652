"""A warm-up begins at 0: the first update is meant to do nothing."""

import torch
from torch import nn

model = nn.Linear(4, 2)
opt = torch.optim.AdamW(model.parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, step / 3))
for _ in range(6):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.arange(8) % 2)
    loss.backward()
    opt.step()
    sched.step()
