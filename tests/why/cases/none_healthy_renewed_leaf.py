"""w is replaced, and made a leaf again: as good as an update in place."""

import torch

x = torch.tensor([1.0, 2.0, 3.0])
y = 3 * x
w = torch.tensor(0.0, requires_grad=True)
for _ in range(4):
    loss = ((w * x - y) ** 2).mean()
    loss.backward()
    w = (w - 0.01 * w.grad).detach().requires_grad_(True)
