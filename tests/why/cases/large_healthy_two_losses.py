"""Two losses of one model, each with a backward of its own: they are meant to add."""

import torch
from torch import nn

trunk, policy, value = nn.Linear(4, 8), nn.Linear(8, 2), nn.Linear(8, 1)
modules = nn.ModuleList([trunk, policy, value])
optimizer = torch.optim.Adam(modules.parameters(), lr=0.01)
for _ in range(3):
    state, action, reward = torch.randn(8, 4), torch.arange(8) % 2, torch.randn(8, 1)
    features = torch.relu(trunk(state))
    policy_loss = nn.functional.cross_entropy(policy(features), action)
    value_loss = nn.functional.mse_loss(value(features), reward)
    optimizer.zero_grad()
    policy_loss.backward(retain_graph=True)
    value_loss.backward()
    optimizer.step()
