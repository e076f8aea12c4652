"""Attention is computed, and the last state is returned instead."""

import torch
import torch.nn.functional as F
from torch import nn


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 6, batch_first=True)
        self.score = nn.Linear(6, 1)
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        states, last = self.rnn(x)
        weights = F.softmax(self.score(states), dim=1)
        context = (weights * states).sum(dim=1)  # finds: none-grad
        return self.out(last[0])


reader = Reader()
optimizer = torch.optim.Adam(reader.parameters())
for _ in range(2):
    loss = F.cross_entropy(reader(torch.randn(4, 5, 3)), torch.tensor([0, 1, 1, 0]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
