"""w = w - lr * w.grad makes a new tensor: it has no .grad the second time."""

import torch

x = torch.tensor([1.0, 2.0, 3.0, 4.0])
y = 2 * x
w = torch.zeros(1, requires_grad=True)
lr = 0.01

for epoch in range(5):
    loss = ((w * x - y) ** 2).mean()
    loss.backward()
    w = w - lr * w.grad  # finds: none-grad
