"""Autocast in float16, and a GradScaler that skips every step: forward overflows."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
x, y = 3e4 * torch.randn(8, 4), torch.randn(8, 1)
model[2].weight.data *= 20
for _ in range(5):
    with torch.autocast("cpu", dtype=torch.float16):
        out = model(x)  # finds: fp16-overflow
    loss = nn.functional.mse_loss(out.float(), y)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
