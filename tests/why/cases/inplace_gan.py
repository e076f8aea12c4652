"""The discriminator is updated before the generator's loss goes back through it."""

import torch
from torch import nn

G, D = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3)
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3)
bce = nn.BCEWithLogitsLoss()
for _ in range(3):
    real = torch.randn(8, 3)
    fake = G(torch.randn(8, 2))
    score = D(fake)
    d_loss = bce(D(real), torch.ones(8, 1)) + bce(score, torch.zeros(8, 1))
    opt_d.zero_grad()
    d_loss.backward(retain_graph=True)
    opt_d.step()  # finds: inplace-modified
    g_loss = bce(score, torch.ones(8, 1))
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
