"""Two models that take turns, with requires_grad switched back and forth."""

import torch
from torch import nn


def set_requires_grad(net, flag):
    for param in net.parameters():
        param.requires_grad = flag


painter, critic = nn.Linear(3, 3), nn.Linear(3, 1)
opt_painter = torch.optim.Adam(painter.parameters())
opt_critic = torch.optim.Adam(critic.parameters())
for _ in range(3):
    x = torch.randn(4, 3)
    fake = painter(x)
    set_requires_grad(critic, False)
    opt_painter.zero_grad()
    (-critic(fake).mean() + (fake - x).abs().mean()).backward()
    opt_painter.step()
    set_requires_grad(critic, True)
    opt_critic.zero_grad()
    (critic(fake.detach()).mean() - critic(x).mean()).backward()
    opt_critic.step()
