"""Routing to one expert each: in small batches some get no token."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class MoE(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.gate = nn.Linear(d, n)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d))
            for _ in range(n)
        )

    def forward(self, x):
        w = F.softmax(self.gate(x), -1)
        top, idx = w.max(-1)
        out = torch.zeros_like(x)
        for i, e in enumerate(self.experts):
            sel = idx == i
            if sel.any():
                out[sel] = top[sel].unsqueeze(-1) * e(x[sel])
        return out


torch.manual_seed(2)
net = nn.Sequential(nn.Linear(5, 8), MoE(8, 6), nn.Linear(8, 1))
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
for step in range(6):
    x = torch.randn(5, 5)
    loss = F.mse_loss(net(x), x.sum(1, keepdim=True))
    opt.zero_grad()
    loss.backward()
    opt.step()
