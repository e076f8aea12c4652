"""A weight is turned into a Python number before it is used."""

import torch

x = torch.tensor([1.0, 2.0, 3.0])
y = torch.tensor([2.0, 4.0, 6.0])
w = torch.tensor(0.5, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)

slope = w.item()  # finds: none-grad
pred = slope * x + b
loss = ((pred - y) ** 2).mean()
loss.backward()
print(w.grad, b.grad)
