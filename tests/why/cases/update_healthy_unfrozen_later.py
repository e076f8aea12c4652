"""Fine-tuning in two phases: first the head alone, then everything."""

import torch
from torch import nn

body, head = nn.Linear(4, 6), nn.Linear(6, 2)
model = nn.Sequential(body, nn.ReLU(), head)
body.requires_grad_(False)
optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
for step in range(6):
    if step == 3:
        body.requires_grad_(True)
        optimizer.add_param_group({"params": body.parameters(), "lr": 0.01})
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.arange(8) % 2)
    loss.backward()
    optimizer.step()
