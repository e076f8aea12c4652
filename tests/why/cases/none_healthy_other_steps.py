"""Two heads that take turns: each is trained in every other step."""

import torch
from torch import nn


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 6)
        self.first = nn.Linear(6, 1)
        self.second = nn.Linear(6, 1)

    def forward(self, x, task):
        h = torch.relu(self.body(x))
        if task == "first":
            return self.first(h)
        return self.second(h)


model = TwoTasks()
optimizer = torch.optim.Adam(model.parameters())
for step in range(4):
    task = "first" if step % 2 == 0 else "second"
    out = model(torch.randn(5, 4), task)
    loss = (out - 1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
