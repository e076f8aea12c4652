"""Truncated backpropagation through time: the state is cut off, the weights learn."""

import torch
from torch import nn

cell = nn.GRUCell(2, 4)
head = nn.Linear(4, 1)
optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()])
state = torch.zeros(3, 4)
for t in range(3):
    state = cell(torch.randn(3, 2), state.detach())
    loss = head(state).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
