"""Experts of which some get no sample in a step, and a head that is another model."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class MoE(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.gate = nn.Linear(d, n)
        self.experts = nn.ModuleList(
            [nn.Sequential(nn.Linear(d, d), nn.GELU()) for _ in range(n)]
        )

    def forward(self, x):
        w = self.gate(x).softmax(-1)
        top = w.argmax(-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            idx = (top == i).nonzero(as_tuple=True)[0]
            if idx.numel() == 0:
                continue
            out = out.index_add(0, idx, expert(x[idx]) * w[idx, i].unsqueeze(-1))
        return out


model = MoE(4, 5)
head = nn.Linear(4, 1)
opt = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-3)
for step in range(6):
    x = torch.randn(6, 4)
    loss = nn.functional.mse_loss(head(model(x)), x.mean(1, keepdim=True))
    opt.zero_grad()
    loss.backward()
    opt.step()
