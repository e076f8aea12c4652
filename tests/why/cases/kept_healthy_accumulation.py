"""Gradient accumulation adds up the losses of one update, and then starts anew."""

import torch
from torch import nn

model = nn.Linear(6, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
accumulation_steps = 4
for update in range(5):
    optimizer.zero_grad()
    batch_loss, parts = 0, []
    for micro in range(accumulation_steps):
        x, y = torch.randn(2, 6), torch.randint(0, 3, (2,))
        loss = nn.functional.cross_entropy(model(x), y) / accumulation_steps
        loss.backward()
        batch_loss = batch_loss + loss
        parts.append(loss)
    optimizer.step()
    print(update, batch_loss.item(), len(parts))
