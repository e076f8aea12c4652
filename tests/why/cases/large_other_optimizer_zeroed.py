"""A GAN in which the discriminator's optimizer is zeroed twice."""

import torch
import torch.nn as nn

G = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
D = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4)
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4)
crit = nn.BCEWithLogitsLoss()
for it in range(4):
    real = torch.randn(16, 2) + 2
    z = torch.randn(16, 4)
    fake = G(z)
    opt_d.zero_grad()
    d_loss = crit(D(real), torch.ones(16, 1)) + crit(
        D(fake.detach()), torch.zeros(16, 1)
    )
    d_loss.backward()
    opt_d.step()

    opt_d.zero_grad()
    g_loss = crit(D(fake), torch.ones(16, 1))
    g_loss.backward()  # finds: missing-zero-grad
    opt_g.step()
