"""The target net is a part of the agent, and the optimizer holds all of it."""

import torch
from torch import nn


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = nn.Linear(3, 2)
        self.target = nn.Linear(3, 2)

    def forward(self, now, later):
        with torch.no_grad():
            best = self.target(later).max(dim=1).values
        return self.online(now).max(dim=1).values, best


agent = Agent()
optimizer = torch.optim.SGD(agent.parameters(), lr=0.05)
for _ in range(3):
    value, best = agent(torch.randn(6, 3), torch.randn(6, 3))
    loss = (value - 1.0 - 0.9 * best).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
