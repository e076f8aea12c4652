"""Rewards in a column, and values of the actions in a line: a loss by hand."""

import torch
import torch.nn as nn

torch.manual_seed(0)
q_net, tgt = nn.Linear(3, 2), nn.Linear(3, 2)
opt = torch.optim.Adam(q_net.parameters(), lr=1e-3)
for step in range(3):
    s, s2, r = torch.randn(8, 3), torch.randn(8, 3), torch.randn(8, 1)
    a = torch.randint(0, 2, (8, 1))
    q = q_net(s).gather(1, a).squeeze(1)
    with torch.no_grad():
        y = r + 0.9 * tgt(s2).max(1, keepdim=True).values
    td = y - q  # finds: broadcast-loss
    loss = (td**2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
