"""Q-learning with a target network, which the optimizer does not hold."""

import copy

import torch
from torch import nn

q_net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
target_net = copy.deepcopy(q_net)
optimizer = torch.optim.Adam(q_net.parameters(), lr=1e-3)
for step in range(4):
    state, next_state = torch.randn(5, 3), torch.randn(5, 3)
    action, reward = torch.randint(0, 2, (5, 1)), torch.randn(5)
    with torch.no_grad():
        best = target_net(next_state).max(dim=1).values
    q = q_net(state).gather(1, action).squeeze(1)
    loss = nn.functional.smooth_l1_loss(q, reward + 0.9 * best)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 2 == 1:
        target_net.load_state_dict(q_net.state_dict())
