"""The auxiliary loss joins in after a warm-up that is longer than this run."""

import torch
from torch import nn

WARMUP = 100


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 5)
        self.out = nn.Linear(5, 1)
        self.aux = nn.Linear(5, 1)

    def forward(self, x, step):
        h = torch.tanh(self.body(x))
        if step >= WARMUP:
            return self.out(h) + self.aux(h)
        return self.out(h)


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(3):
    loss = net(torch.randn(8, 3), step).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
