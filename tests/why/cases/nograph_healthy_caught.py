"""Code that asks whether there is a graph, by trying."""

import torch

w = torch.ones(3)
loss = (w * 2).sum()
try:
    loss.backward()
except RuntimeError:
    w.requires_grad_()
    (w * 2).sum().backward()
print(w.grad)
