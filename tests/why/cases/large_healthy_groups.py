"""Two parameter groups with a learning rate each; every parameter is in one."""

import torch
from torch import nn

backbone, head = nn.Linear(4, 8), nn.Linear(8, 3)
optimizer = torch.optim.SGD(
    [
        {"params": backbone.parameters(), "lr": 0.001},
        {"params": head.parameters()},
    ],
    lr=0.1,
    momentum=0.9,
)
for _ in range(3):
    scores = head(torch.relu(backbone(torch.randn(8, 4))))
    loss = nn.functional.cross_entropy(scores, torch.arange(8) % 3)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(backbone.parameters(), 1.0)
    optimizer.step()
