"""autograd.grad for a look at the input's gradient frees what backward needs."""

import torch

x = torch.randn(4, 3, requires_grad=True)
w = torch.randn(3, requires_grad=True)
loss = torch.sigmoid(x @ w).pow(2).mean()
(saliency,) = torch.autograd.grad(loss, x)
print(saliency.abs().max())
loss.backward()  # finds: second-backward
