"""A cosine that ends at 0 exactly when the training ends."""

import torch
from torch import nn

torch.manual_seed(2)
steps = 6
model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=steps - 1)
for _ in range(steps):
    loss = nn.functional.mse_loss(model(torch.randn(8, 3)), torch.randn(8, 1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
