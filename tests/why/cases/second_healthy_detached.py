"""The hidden state is detached between the batches."""

import torch
from torch import nn

rnn, head = nn.RNN(2, 3), nn.Linear(3, 1)
opt = torch.optim.SGD([*rnn.parameters(), *head.parameters()], lr=0.01)
hidden = torch.zeros(1, 4, 3)
for _ in range(4):
    x, y = torch.randn(5, 4, 2), torch.randn(5, 4, 1)
    out, hidden = rnn(x, hidden.detach())
    loss = ((head(out) - y) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
