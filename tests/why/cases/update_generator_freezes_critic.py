"""The last layer of the critic is frozen for the generator's turn, and stays so."""

import torch
from torch import nn

G = nn.Linear(2, 3)
D = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3)
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3)
bce = nn.BCEWithLogitsLoss()

for i in range(4):
    real, fake = torch.randn(6, 3) + 2, G(torch.randn(6, 2))
    d_loss = bce(D(real), torch.ones(6, 1)) + bce(D(fake.detach()), torch.zeros(6, 1))
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()

    D[2].requires_grad_(False)  # finds: frozen-update
    g_loss = bce(D(G(torch.randn(6, 2))), torch.ones(6, 1))
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
