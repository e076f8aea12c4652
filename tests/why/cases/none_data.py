""".data on the way to the loss."""

import torch

a = torch.tensor([2.0, 3.0], requires_grad=True)
b = torch.tensor([6.0, 4.0], requires_grad=True)
q = 3 * a.data**3 - b**2  # finds: none-grad
q.sum().backward()
print(a.grad, b.grad)
