"""A replay memory of numbers that were computed under no_grad, and a moving average."""

import copy
from collections import deque

import torch
from torch import nn

net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
average = copy.deepcopy(net)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
memory = deque(maxlen=100)
for step in range(8):
    state = torch.randn(4)
    with torch.no_grad():
        action = net(state).argmax()
        value = net(state).max()
    memory.append((state, action, value, torch.rand(())))
    states = torch.stack([s for s, _, _, _ in memory])
    rewards = torch.stack([r for _, _, _, r in memory])
    loss = (net(states).max(1).values - rewards).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), net.parameters()):
            slow.mul_(0.99).add_(fast, alpha=0.01)
