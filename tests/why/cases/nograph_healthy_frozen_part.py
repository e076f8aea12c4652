"""A frozen encoder under no_grad(), a head that learns."""

import torch
from torch import nn

encoder, head = nn.Linear(4, 3), nn.Linear(3, 1)
encoder.requires_grad_(False)
optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
for _ in range(2):
    x = torch.randn(5, 4)
    with torch.no_grad():
        h = encoder(x)
    loss = head(h).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
