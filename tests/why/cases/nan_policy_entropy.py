"""The entropy of a policy that has become certain: p · log p with p = 0."""

import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Linear(4, 3)
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
for epoch in range(4):
    state = torch.ones(2, 4) * (400.0 if epoch == 2 else 1.0)
    p = torch.softmax(policy(state), dim=1)
    log_p = torch.log(p)  # finds: inf
    entropy = -(p * log_p).sum(dim=1).mean()
    loss = -0.01 * entropy
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
