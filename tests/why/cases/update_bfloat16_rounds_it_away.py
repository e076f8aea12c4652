"""A model in bfloat16 and a small learning rate: no weight changes at all."""

import torch
from torch import nn

model = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 6)).to(torch.bfloat16)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)  # finds: tiny-update
x = torch.randn(16, 6, dtype=torch.bfloat16)
target = torch.randn(16, 6, dtype=torch.bfloat16)

for step in range(4):
    optimizer.zero_grad()
    loss = (model(x) - target).pow(2).mean()
    loss.backward()
    optimizer.step()
