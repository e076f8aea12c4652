"""The function returns before it comes to the second head."""

import torch
from torch import nn


class TwoHeads(nn.Module):
    def __init__(self, task="both"):
        super().__init__()
        self.task = task
        self.body = nn.Linear(5, 5)
        self.head_a = nn.Linear(5, 1)
        self.head_b = nn.Linear(5, 1)

    def forward(self, x):
        h = torch.relu(self.body(x))
        a = self.head_a(h)
        if self.task != "a+b":  # finds: none-grad
            return a
        b = self.head_b(h)
        return a + b


net = TwoHeads()
opt = torch.optim.Adam(net.parameters())
data, target = torch.randn(12, 5), torch.randn(12, 1)
for i in range(2):
    opt.zero_grad()
    loss = (net(data) - target).abs().mean()
    loss.backward()
    opt.step()
