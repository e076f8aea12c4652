"""The helper that makes features is decorated with inference_mode."""

import torch


@torch.inference_mode()  # finds: none-grad
def features(x, w):
    return torch.cos(x * w)


w = torch.randn(3, requires_grad=True)
v = torch.randn(3, requires_grad=True)
x = torch.linspace(0, 1, 3)
h = features(x, w).clone()
loss = (h * v).sum()
loss.backward()
print(w.grad)
