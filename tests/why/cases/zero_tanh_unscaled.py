"""Features in thousands go into a tanh layer without scaling."""

import torch
from torch import nn

incomes = torch.tensor([[52000.0, 31.0], [18000.0, 22.0], [91000.0, 54.0], [40500, 47]])
bought = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
hidden = nn.Linear(2, 4)
output = nn.Linear(4, 1)
optimizer = torch.optim.SGD([*hidden.parameters(), *output.parameters()], lr=0.1)
for step in range(4):
    h = torch.tanh(hidden(incomes))  # finds: zero-grad
    logit = output(h)
    loss = nn.functional.binary_cross_entropy_with_logits(logit, bought)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
