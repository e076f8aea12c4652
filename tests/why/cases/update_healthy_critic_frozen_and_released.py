"""The critic is frozen while the generator has its turn, and trained in its own."""

import torch
from torch import nn


def set_requires_grad(net, value):
    for p in net.parameters():
        p.requires_grad = value


G, D = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3)
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3)
bce = nn.BCEWithLogitsLoss()

for i in range(3):
    set_requires_grad(D, True)
    real, fake = torch.randn(6, 3) + 2, G(torch.randn(6, 2)).detach()
    d_loss = bce(D(real), torch.ones(6, 1)) + bce(D(fake), torch.zeros(6, 1))
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()

    set_requires_grad(D, False)
    g_loss = bce(D(G(torch.randn(6, 2))), torch.ones(6, 1))
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
