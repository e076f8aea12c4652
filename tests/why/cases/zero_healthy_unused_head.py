"""A head that is switched off with 0 *, so that all parameters take part."""

import torch
from torch import nn

body, head, spare = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 3)
parameters = [*body.parameters(), *head.parameters(), *spare.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1)
aux_weight = 0.0
for _ in range(4):
    h = torch.tanh(body(torch.randn(8, 4)))
    loss = nn.functional.cross_entropy(head(h), torch.randint(0, 2, (8,)))
    loss = loss + aux_weight * spare(h).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
