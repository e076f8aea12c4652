"""The gradient of a hidden layer, with retain_grad()."""

import torch

weights = torch.randn(4, 3, requires_grad=True)
x = torch.randn(2, 4)
hidden = torch.tanh(x @ weights)
hidden.retain_grad()
hidden.sum().backward()
print(hidden.grad)
