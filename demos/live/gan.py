"""A generator and a discriminator in turn, each with an optimizer of its own.

Try: graphscope run --break 'generator.out if grad.l2 < 1e-3' demos/live/gan.py
"""

from collections import OrderedDict

import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(
    OrderedDict(hidden=nn.Linear(2, 8), act=nn.ReLU(), out=nn.Linear(8, 1))
)
discriminator = nn.Sequential(
    OrderedDict(hidden=nn.Linear(1, 8), act=nn.LeakyReLU(0.2), out=nn.Linear(8, 1))
)
g_optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.01)
criterion = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(16, 1), torch.zeros(16, 1)

for turn in range(20):
    real = 3 + 0.5 * torch.randn(16, 1)
    fake = generator(torch.randn(16, 2))
    d_real = criterion(discriminator(real), ones)
    d_fake = criterion(discriminator(fake.detach()), zeros)
    d_loss = d_real + d_fake
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    g_loss = criterion(discriminator(fake), ones)
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    if turn % 5 == 0:
        print(f"turn {turn}: d_loss {d_loss.item():.4f}, g_loss {g_loss.item():.4f}")
