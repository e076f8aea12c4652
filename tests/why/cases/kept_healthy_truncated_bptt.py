"""Truncated backpropagation through time detaches the state between the windows."""

import torch
from torch import nn

lstm = nn.LSTM(3, 5)
head = nn.Linear(5, 1)
optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=1e-2)
h, c = torch.zeros(1, 2, 5), torch.zeros(1, 2, 5)
for window in range(6):
    x, y = torch.randn(4, 2, 3), torch.randn(4, 2, 1)
    h, c = h.detach(), c.detach()
    out, (h, c) = lstm(x, (h, c))
    loss = nn.functional.mse_loss(head(out), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
