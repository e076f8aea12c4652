"""Q-learning: the target network follows the other one and is in no optimizer."""

import copy

import torch
from torch import nn

q_net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
target_net = copy.deepcopy(q_net)
optimizer = torch.optim.Adam(q_net.parameters(), lr=1e-3)
for step in range(8):
    state, action = torch.randn(16, 4), torch.randint(2, (16, 1))
    reward, after = torch.randn(16), torch.randn(16, 4)
    with torch.no_grad():
        goal = reward + 0.99 * target_net(after).max(1).values
    loss = nn.functional.smooth_l1_loss(q_net(state).gather(1, action)[:, 0], goal)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(q_net.parameters(), 100)
    optimizer.step()
    with torch.no_grad():
        for p, q in zip(target_net.parameters(), q_net.parameters()):
            p.mul_(0.995).add_(0.005 * q)
