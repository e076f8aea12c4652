"""The actor's loss flows through the critic, which is trained less often."""

import torch
from torch import nn

actor, critic = (
    nn.Linear(3, 2),
    nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1)),
)
actor_opt = torch.optim.Adam(actor.parameters(), lr=1e-3)
critic_opt = torch.optim.Adam(critic.parameters(), lr=1e-3)
for step in range(9):
    state = torch.randn(8, 3)
    if step % 3 == 0:
        action, reward = torch.randn(8, 2), torch.randn(8, 1)
        value = critic(torch.cat([state, action], dim=1))
        critic_loss = nn.functional.mse_loss(value, reward)
        critic_opt.zero_grad()
        critic_loss.backward()
        critic_opt.step()
    actor_loss = -critic(torch.cat([state, actor(state)], dim=1)).mean()
    actor_opt.zero_grad()
    actor_loss.backward()
    actor_opt.step()
