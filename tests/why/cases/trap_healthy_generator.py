"""A generator in training mode makes data under no_grad() for the other network."""

import torch
from torch import nn

generator = nn.Sequential(
    nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)
)
critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3)
bce = nn.BCEWithLogitsLoss()

for _ in range(2):
    real = torch.randn(16, 2)
    with torch.no_grad():
        fake = generator(torch.randn(16, 4))
    opt_c.zero_grad()
    loss_c = bce(critic(real), torch.ones(16, 1)) + bce(
        critic(fake), torch.zeros(16, 1)
    )
    loss_c.backward()
    opt_c.step()

    opt_g.zero_grad()
    loss_g = bce(critic(generator(torch.randn(16, 4))), torch.ones(16, 1))
    loss_g.backward()
    opt_g.step()
    print(loss_c.item(), loss_g.item())
