"""Accumulation with a GradScaler, as in many training scripts, and no division."""

import torch
from torch import nn

model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
loader = [(torch.randn(4, 4), torch.randn(4, 1)) for _ in range(4)]
for step, (x, y) in enumerate(loader):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.mse_loss(model(x).float(), y)
    scaler.scale(loss).backward()  # finds: undivided-accumulation
    if step % 2 == 1:
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
