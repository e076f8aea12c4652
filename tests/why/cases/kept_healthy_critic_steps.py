"""Five updates of the critic for one of the generator: its loss waits for its turn."""

import torch
from torch import nn

generator, critic = nn.Linear(2, 2), nn.Linear(2, 1)
opt_g = torch.optim.RMSprop(generator.parameters(), lr=5e-5)
opt_c = torch.optim.RMSprop(critic.parameters(), lr=5e-5)
for iteration in range(3):
    for _ in range(5):
        real, noise = torch.randn(8, 2) + 3, torch.randn(8, 2)
        fake = generator(noise).detach()
        loss_c = critic(fake).mean() - critic(real).mean()
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
        for p in critic.parameters():
            p.data.clamp_(-0.1, 0.1)
    generated = generator(torch.randn(8, 2))
    loss_g = -critic(generated).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
