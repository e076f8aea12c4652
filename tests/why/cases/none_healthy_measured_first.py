"""The gradient of one loss is measured and thrown away; another one is used."""

import torch
from torch import nn

body, head, aux = nn.Linear(4, 4), nn.Linear(4, 1), nn.Linear(4, 1)
params = [*body.parameters(), *head.parameters(), *aux.parameters()]
optimizer = torch.optim.SGD(params, lr=0.05)
for step in range(3):
    x = torch.randn(6, 4)
    h = torch.tanh(body(x))
    aux(h).pow(2).mean().backward(retain_graph=True)
    print(aux.weight.grad.norm())
    if step % 2 == 0:
        optimizer.zero_grad()
    (head(h) - 1).pow(2).mean().backward()
    optimizer.step()
    optimizer.zero_grad()
