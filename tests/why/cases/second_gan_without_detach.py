"""The generator's samples go to the discriminator without detach()."""

import torch
import torch.nn as nn

latent_dim = 4
G = nn.Sequential(nn.Linear(latent_dim, 8), nn.ReLU(), nn.Linear(8, 2))
D = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Sigmoid())
bce = nn.BCELoss()
opt_G = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_D = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))


def real_batch(n):
    return torch.randn(n, 2) * 0.5 + 1


for i in range(3):
    valid = torch.ones(8, 1)
    fake = torch.zeros(8, 1)
    z = torch.randn(8, latent_dim)
    gen = G(z)  # finds: second-backward

    opt_D.zero_grad()
    real_loss = bce(D(real_batch(8)), valid)
    fake_loss = bce(D(gen), fake)
    d_loss = (real_loss + fake_loss) / 2
    d_loss.backward()
    opt_D.step()

    opt_G.zero_grad()
    g_loss = bce(D(gen), valid)
    g_loss.backward()
    opt_G.step()
