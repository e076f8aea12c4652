"""Statistics under masks of -inf, with all that could fail kept away from 0."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class MaskedStats(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(6, 6)
        self.register_buffer("running", torch.full((6,), float("-inf")))

    def forward(self, x, mask):
        h = self.lin(x)
        neg = h.masked_fill(~mask[..., None], float("-inf"))
        mx = neg.max(dim=1).values
        lse = torch.logsumexp(neg, dim=1)
        self.running = torch.maximum(self.running, mx.detach().max(0).values)
        cnt = mask.sum(1, keepdim=True).clamp(min=1)
        mean = (h * mask[..., None]).sum(1) / cnt
        var = ((h - mean[:, None]) ** 2 * mask[..., None]).sum(1) / cnt
        return torch.cat([mx, lse, mean, (var + 1e-6).sqrt()], -1)


best = torch.tensor(float("inf"))
stats, head = MaskedStats(), nn.Linear(24, 1)
opt = torch.optim.NAdam([*stats.parameters(), *head.parameters()])
for _ in range(4):
    x = torch.randn(5, 7, 6)
    mask = torch.arange(7)[None] < torch.tensor([7, 5, 3, 1, 2])[:, None]
    y = torch.rand(5, 1)
    pred = head(stats(x, mask))
    loss = F.huber_loss(pred, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    best = torch.minimum(best, loss.detach())
