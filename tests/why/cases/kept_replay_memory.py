"""The replay memory of an agent holds the Q values with their graphs."""

import random
from collections import deque
from typing import NamedTuple

import torch
from torch import nn, optim


class Transition(NamedTuple):
    state: torch.Tensor
    q: torch.Tensor
    reward: torch.Tensor


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))  # finds: kept-graph

    def sample(self, batch_size):
        return random.sample(self.memory, batch_size)


policy_net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = optim.AdamW(policy_net.parameters(), lr=1e-3)
memory = ReplayMemory(1000)

for step in range(7):
    state = torch.randn(4)
    q = policy_net(state).max()
    reward = torch.rand(())
    memory.push(state, q, reward)
    loss = (q - reward) ** 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
