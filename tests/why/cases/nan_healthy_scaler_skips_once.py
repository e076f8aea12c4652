"""A GradScaler begins with a scale that is too large, skips one step and goes on."""

import torch

torch.manual_seed(0)
w = torch.randn(4, 4, dtype=torch.float32, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20)
for _ in range(4):
    with torch.autocast("cpu", dtype=torch.float16):
        hidden = torch.ones(2, 4) @ w
        loss = hidden.float().pow(2).mean()
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
