"""Under no_grad() w = w - ... makes a tensor that requires no gradient."""

import torch

x = torch.tensor([1.0, 2.0, 3.0])
y = 2 * x
w = torch.tensor(0.0, requires_grad=True)
for epoch in range(3):
    loss = ((w * x - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w = w - 0.01 * w.grad  # finds: no-graph
