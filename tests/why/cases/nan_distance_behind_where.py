"""A root of squared differences, guarded by where behind it only."""

import torch
from torch import nn


class CountModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = nn.Linear(2, 1)

    def forward(self, x):
        r = (self.rate(x) - self.rate(x.flip(0))).pow(2).squeeze(1)
        return torch.where(r > 0, r.sqrt(), torch.zeros_like(r))  # finds: nan


torch.manual_seed(0)
m = CountModel()
o = torch.optim.Adam(m.parameters(), lr=0.01)
feats, counts = torch.randn(15, 2), torch.randint(0, 5, (15,)).float()
for _ in range(2):
    o.zero_grad()
    logr = m(feats)
    loss = (logr.exp() - counts * logr).mean()
    loss.backward()
    o.step()
